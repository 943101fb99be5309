import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileSystems } from '../../../src/data/io/file-systems.ts';
import { MemoryFileSystem } from '../../../src/data/io/memory-file-system.ts';
import { nameOf } from '../../../src/data/io/uri.ts';
import type { ItemSink, ItemWriter } from '../../../src/jobs/definition/item-writer.ts';
import type { JsonValue } from '../../../src/jobs/definition/json-value.ts';
import { csvReader } from '../../../src/jobs/items/csv-reader.ts';
import { csvWriter } from '../../../src/jobs/items/csv-writer.ts';
import { linesReader } from '../../../src/jobs/items/lines-reader.ts';
import type { PublishesTogether } from '../../../src/jobs/items/sink-seams.ts';
import type { OutputOptions } from '../../../src/jobs/items/staged-file.ts';
import { textWriter } from '../../../src/jobs/items/text-writers.ts';
import { readAll, stepContext } from './step-context.ts';

/** Stands for s3: a store that is not the local one, in which a file appears when its writing is finished. */
let store: MemoryFileSystem;
let runs = 0;
beforeEach(() => {
  store = new MemoryFileSystem();
});

const directory = 'memory:///out';
const signal = new AbortController().signal;
const chunk = (firstIndex: number) => ({ firstIndex, key: `i/1/s/0/${firstIndex}-1`, signal });
const context = (more: object = {}) => {
  runs += 1;
  return stepContext({ stepExecutionId: `run-${runs}`, fileSystems: new FileSystems([store]), ...more } as never);
};
const open = <O>(writer: ItemWriter<O>, state?: JsonValue, more: object = {}): Promise<ItemSink<O>> =>
  Promise.resolve(writer.open({ c: context(more), ...(state === undefined ? {} : { state }) }));
const kept = (sink: { state?(): JsonValue }): JsonValue => JSON.parse(JSON.stringify(sink.state?.()));
const names = (): string[] => store.listRecursive(directory).map(({ uri }) => nameOf(uri));

/** What a reader of the manifest reads. */
async function published(): Promise<string[]> {
  const c = context();
  const [manifest = ''] = (await readAll(linesReader(`${directory}/_manifest.json`), 10, undefined, c)).items;
  const { objects } = JSON.parse(manifest) as { objects: { name: string }[] };
  const parts = await Promise.all(
    objects.map(({ name }) => readAll(linesReader(`${directory}/${name}`), 10, undefined, c)),
  );
  return parts.flatMap(({ items }) => items);
}

describe('files in a store without renames', () => {
  it('ST-50: hold exactly what was committed, whatever run was killed or frozen where', async () => {
    const faults = fc.array(fc.constantFrom('none', 'crash', 'rollback'), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 6 }), faults, fc.boolean(), async (chunks, given, isKilledAtEnd) => {
        store = new MemoryFileSystem();
        const writer = textWriter(directory);
        const zombies: ItemSink<string>[] = [];
        let sink = await open(writer);
        let state: JsonValue | undefined;
        for (let index = 0; index < chunks; index++) {
          if (given[index] === 'rollback') {
            await sink.write([`failed ${index}`], chunk(index));
            await sink.rollback?.(chunk(index));
          } else if (given[index] === 'crash') {
            await sink.write([`lost ${index}`], chunk(index));
            zombies.push(sink);
            sink = await open(writer, state);
          }
          await sink.write([`${index}`, 'x'], chunk(index));
          for (const zombie of zombies) await zombie.write(['zombie'], chunk(index));
          state = kept(sink);
          expect(names()).not.toContain('_SUCCESS');
        }
        state = kept(sink);
        await sink.publish?.();
        if (isKilledAtEnd) await (await open(writer, state)).publish?.();
        expect(await published()).toEqual(Array.from({ length: chunks }, (_, index) => [`${index}`, 'x']).flat());
        expect(names()).toHaveLength(chunks + 2);
      }),
      { numRuns: 60 },
    );
  });

  const write = async (options: OutputOptions, items: readonly string[], more: object = {}): Promise<void> => {
    const sink = await open(textWriter(directory, options), undefined, more);
    for (const [index, item] of items.entries()) await sink.write([item], chunk(index));
    await sink.publish?.();
  };

  it('ST-207: refuse a directory that holds something, or replace or extend it', async () => {
    await write({}, ['a', 'b']);
    await expect(write({}, ['c'], { instanceId: 'other' })).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    await write({ mode: 'append' }, ['c'], { instanceId: 'other' });
    expect(await published()).toEqual(['a', 'b', 'c']);
    await write({ mode: 'overwrite' }, ['d'], { instanceId: 'third' });
    expect(await published()).toEqual(['d']);
    expect(names()).toHaveLength(3);
  });

  it('say MR_OUTPUT_TAMPERED when a committed object is gone', async () => {
    const sink = await open(textWriter(directory));
    await sink.write(['a'], chunk(0));
    for (const { uri } of store.listRecursive(directory)) store.delete(uri);
    await expect((async () => sink.publish?.())()).rejects.toMatchObject({ code: 'MR_OUTPUT_TAMPERED' });
  });

  it('ST-110: of a step with partitions appear together', async () => {
    const writer = textWriter(`${directory}.gz`);
    const states: JsonValue[] = [];
    for (const [index, items] of [['a'], [], ['c']].entries()) {
      const sink = await open(writer, undefined, { partition: { index, name: `partition${index}`, value: index } });
      if (items.length > 0) await sink.write(items, chunk(0));
      await sink.publish?.();
      states.push(kept(sink));
    }
    expect(store.stat(`${directory}.gz/_SUCCESS`)).toBeUndefined();
    await (writer as unknown as PublishesTogether).publishPartitions(context(), states);
    const objects = store.listRecursive(`${directory}.gz`).map(({ uri }) => nameOf(uri));
    expect(objects.map((name) => name.replace(/-[0-9a-f]{12}-[0-9a-f]{12}-/, '-'))).toEqual([
      '_SUCCESS',
      '_manifest.json',
      'part-00000-00000000000000.gz',
      'part-00002-00000000000000.gz',
    ]);
  });

  it('are whole files each, which readers read', async () => {
    const sink = await open(csvWriter(directory));
    await sink.write([{ a: 1 }], chunk(0));
    await sink.write([{ a: 2 }], chunk(1));
    const read = store.listRecursive(directory).map(({ uri }) => readAll(csvReader(uri), 5, undefined, context()));
    expect((await Promise.all(read)).map(({ items }) => items)).toEqual([[{ a: '1' }], [{ a: '2' }]]);
  });
});
