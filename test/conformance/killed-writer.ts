import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { type CleanedUp, type CleanSettings, cleanOutput } from '../../src/data/io/clean-output.ts';
import type { FileSystem } from '../../src/data/io/file-system.ts';
import { FileSystems } from '../../src/data/io/file-systems.ts';
import { OutputCommitter } from '../../src/data/io/output-committer.ts';
import type { OutputMode, OutputSettings, OutputSpec } from '../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../src/data/io/part-writer.ts';
import { readRows } from '../data/io/scratch.ts';

const built = pathToFileURL(resolve(import.meta.dirname, '../../dist/data/io')).href;

/** Writes a part for each list of rows and commits, and kills itself with SIGKILL right before its n-th change to the store. */
const writer = (makeSystem: string): string => `
import { FileSystems } from '${built}/file-systems.js';
import { OutputCommitter } from '${built}/output-committer.js';
import { createPartWriter } from '${built}/part-writer.js';
${makeSystem.replaceAll('BUILT', built)}
const [spec, rows, actionId, killAt] = process.argv.slice(1);
let changes = 0;
const changing = ['openWrite', 'makeDirectory', 'rename', 'link', 'delete', 'deleteIfEmpty', 'openPending', 'complete', 'abortMatching', 'putIfAbsent', 'finish'];
const watched = (target) => new Proxy(target, {
  get(_, name) {
    const value = target[name];
    if (name === 'uploads' && value !== undefined) return watched(value);
    if (typeof value !== 'function') return value;
    return (...args) => {
      if (changing.includes(name) && ++changes === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      const result = value.apply(target, args);
      return name.startsWith('open') ? watched(result) : result;
    };
  },
});
const settings = { fileSystems: new FileSystems([watched(system)]) };
const committer = new OutputCommitter(JSON.parse(spec), actionId, settings);
const staging = committer.begin();
const parts = JSON.parse(rows).map((rows, partition) => {
  const part = createPartWriter(staging, partition, 0, settings);
  part.write(rows);
  return part.finish();
});
committer.commit(parts);
settings.fileSystems.close();
`;

export interface KilledWriterSetting {
  readonly system: FileSystem;
  /** Code that makes the same file system as \`system\` in another process, from the modules in BUILT. */
  readonly makeSystem: string;
  readonly freshOutput: () => string;
  /** Everything left beside and inside an output that no reader should see. */
  readonly leftovers: (output: string) => readonly string[];
}

interface KilledCase {
  readonly name: string;
  readonly mode: OutputMode;
  /** jsonLines in partitions by `k`, else text. */
  readonly isPartitioned?: boolean;
  /** The output is this directory of the one that is read. */
  readonly below?: string;
  /** The rows of each part: those that are there before, if any, those that are written, and those that are there then. */
  readonly old: readonly (readonly unknown[])[];
  readonly written: readonly (readonly unknown[])[];
  readonly complete: readonly unknown[];
}

const a1 = { n: 1, k: 'a' };
const b2 = { n: 2, k: 'b' };
const b3 = { n: 3, k: 'b' };
const b4 = { n: 4, k: 'b' };
const c5 = { n: 5, k: 'c' };
const plain = [['new 0'], ['new 1']];
const parted = [[b3, c5], [b4]];

const cases: readonly KilledCase[] = [
  { name: 'error', mode: 'error', old: [], written: plain, complete: ['new 0', 'new 1'] },
  { name: 'overwrite', mode: 'overwrite', old: [['old']], written: plain, complete: ['new 0', 'new 1'] },
  { name: 'append', mode: 'append', old: [['old']], written: plain, complete: ['new 0', 'new 1', 'old'] },
  {
    name: 'overwrite, in partitions',
    mode: 'overwrite',
    isPartitioned: true,
    old: [[a1, b2]],
    written: parted,
    complete: [b3, b4, c5],
  },
  {
    name: 'append, in partitions',
    mode: 'append',
    isPartitioned: true,
    old: [[a1, b2]],
    written: parted,
    complete: [a1, b2, b3, b4, c5],
  },
  {
    name: 'overwritePartitions',
    mode: 'overwritePartitions',
    isPartitioned: true,
    old: [[a1, b2]],
    written: parted,
    complete: [a1, b3, b4, c5],
  },
  {
    name: 'overwrite, of one partition of a table',
    mode: 'overwrite',
    below: 'k=b',
    old: [['old']],
    written: plain,
    complete: ['new 0', 'new 1'],
  },
];

/** A writer that is killed at any point leaves the old output or the new one, and the next one clears up. */
export function killedWriterConformance(make: () => KilledWriterSetting): void {
  it.each(cases)('leaves the old output or the new one, at every step of mode $name', (killed) => {
    const { system, makeSystem, freshOutput, leftovers } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const clean = (output: string, options: Partial<CleanSettings> = {}): readonly CleanedUp[] => {
      try {
        return cleanOutput(output, { fileSystems: new FileSystems([system]), ...options });
      } catch (error) {
        // Killed before it had written anything.
        expect(error).toMatchObject({ code: 'MR_NOT_FOUND' });
        return [];
      }
    };
    const hasOld = killed.old.length > 0;
    const seen = new Set<string>();
    for (let step = 1, isKilled = true; isKilled; step++) {
      expect(step).toBeLessThan(90);
      const read = freshOutput();
      const output = killed.below === undefined ? read : `${read}/${killed.below}`;
      const spec = specOf(killed, output);
      const rowsIn = (path: string): string => sortedRows(path, spec.format, settings);
      if (hasOld) saveParts({ ...spec, mode: 'error' }, killed.old, `before${step}`, settings);
      const args = [JSON.stringify(spec), JSON.stringify(killed.written), `killed${step}`, String(step)];
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', writer(makeSystem), ...args], {
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      isKilled = run.signal === 'SIGKILL';
      const found = rowsIn(read);
      const states = [hasOld ? rowTexts(killed.old.flat()) : 'nothing', rowTexts(killed.complete)];
      expect(states).toContain(found);
      seen.add(found);
      if (killed.isPartitioned) {
        // However a reader asks for it, it is the same.
        expect(rowsIn(`${output}/k=*/part-*`)).toBe(found);
        const ofB = (JSON.parse(found) as string[]).filter((row) => row.includes('"b"'));
        expect(rowsIn(`${output}/k=b`)).toBe(JSON.stringify(ofB));
      }
      if (step % 2 === 0) {
        expect(clean(output, { dryRun: true })).toEqual(clean(output));
        expect(clean(output)).toEqual([]);
        expect(leftovers(output)).toEqual([]);
        if (found !== 'nothing') expect(rowsIn(read)).toBe(found);
      }
      const next = killed.isPartitioned ? [[a1, c5]] : [['next']];
      saveParts({ ...spec, mode: 'overwrite' }, next, `after${step}`, settings);
      expect(rowsIn(read)).toBe(rowTexts(next.flat()));
      expect(leftovers(output)).toEqual([]);
    }
    expect(seen.size).toBe(2);
  });

  it('does not take a writer that is alive for a dead one', () => {
    const { system, freshOutput, leftovers } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const output = freshOutput();
    const rows = (): unknown[] => readRows({ format: 'text', paths: [output], options: {} }, settings);
    const slow = new OutputCommitter({ format: 'text', uri: output, mode: 'overwrite', options: {} }, 'slow', settings);
    const part = createPartWriter(slow.begin(), 0, 0, settings);
    part.write(['slow']);
    expect(cleanOutput(output, { fileSystems: new FileSystems([system]), abandonedAfterMs: 0 })).toEqual([]);
    save(output, 'overwrite', ['quick'], 'quick', settings);
    expect(rows()).toEqual(['quick']);
    slow.commit([part.finish()]);
    expect(rows()).toEqual(['slow']);
    expect(leftovers(output)).toEqual([]);
  });

  it.each([
    ['replaced', false],
    ['replaced partition by partition', true],
  ])('shows one state to a reader, however often the output is %s while it lists', (_, isPartitioned) => {
    const { system, freshOutput } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const output = freshOutput();
    const spec = specOf({ mode: isPartitioned ? 'overwritePartitions' : 'overwrite', isPartitioned }, output);
    const generation = (number: number): unknown[] =>
      ['a', 'b', 'c'].map((k) => (isPartitioned ? { n: number, k } : `${k}${number}`));
    let commits = 0;
    const commit = (): void => {
      const parts = generation(++commits).map((row) => [row]);
      saveParts(spec, parts, `commit${commits}`, settings);
    };
    commit();
    let left = 3;
    // A listing that a commit cuts in two: the names of before, and what they are after it.
    const list: FileSystem['list'] = (directory) => {
      const entries = system.list(directory);
      if (left-- > 0) commit();
      return entries;
    };
    const interrupted = new Proxy(system, {
      get: (target, name: keyof FileSystem) => {
        if (name === 'list') return list;
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    for (const path of [output, `${output}/${isPartitioned ? 'k=*/' : ''}part-*`]) {
      left = 3;
      const fileSystems = new FileSystems([interrupted]);
      expect(sortedRows(path, spec.format, { fileSystems })).toBe(rowTexts(generation(commits)));
    }
    expect(commits).toBe(7);
  });

  it('keeps the files of two writers that append at once', () => {
    const { system, freshOutput, leftovers } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const output = freshOutput();
    save(output, 'error', ['old'], 'old', settings);
    const spec = { format: 'text', uri: output, mode: 'append', options: {} } as const;
    const writers = ['one', 'two'].map((id) => {
      const committer = new OutputCommitter(spec, id, settings);
      const part = createPartWriter(committer.begin(), 0, 0, settings);
      part.write([id]);
      return () => committer.commit([part.finish()]);
    });
    for (const commit of writers.toReversed()) commit();
    const rows = readRows({ format: 'text', paths: [output], options: {} }, settings) as string[];
    expect(rows.toSorted()).toEqual(['old', 'one', 'two']);
    expect(leftovers(output)).toEqual([]);
  });

  it('lets only one of two first writers win', () => {
    const { system, freshOutput } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const output = freshOutput();
    const committers = ['one', 'two'].map((id) => {
      const committer = new OutputCommitter({ format: 'text', uri: output, mode: 'error', options: {} }, id, settings);
      const part = createPartWriter(committer.begin(), 0, 0, settings);
      part.write([id]);
      return { committer, part: part.finish() };
    });
    committers[1]!.committer.commit([committers[1]!.part]);
    expect(() => committers[0]!.committer.commit([committers[0]!.part])).toThrow(
      expect.objectContaining({ code: 'MR_OUTPUT_EXISTS' }),
    );
    expect(readRows({ format: 'text', paths: [output], options: {} }, settings)).toEqual(['two']);
  });
}

function specOf(
  { mode, isPartitioned }: Pick<KilledCase, 'mode' | 'isPartitioned'>,
  uri: string,
): OutputSpec & { readonly format: 'text' | 'jsonLines' } {
  return isPartitioned
    ? { format: 'jsonLines', uri, mode, options: { partitionBy: ['k'] } }
    : { format: 'text', uri, mode, options: {} };
}

/** Rows as texts, in an order of their own. */
function rowTexts(rows: readonly unknown[]): string {
  return JSON.stringify(rows.map((row) => JSON.stringify(row)).toSorted());
}

function sortedRows(path: string, format: 'text' | 'jsonLines', settings: OutputSettings): string {
  try {
    return rowTexts(readRows({ format, paths: [path], options: {} }, settings));
  } catch (error) {
    expect(error).toMatchObject({ code: 'MR_NOT_FOUND' });
    return 'nothing';
  }
}

function save(
  output: string,
  mode: OutputMode,
  rows: readonly string[],
  actionId: string,
  settings: OutputSettings,
): void {
  saveParts({ format: 'text', uri: output, mode, options: {} }, [rows], actionId, settings);
}

function saveParts(
  spec: OutputSpec,
  partsOfRows: readonly (readonly unknown[])[],
  actionId: string,
  settings: OutputSettings,
): void {
  const committer = new OutputCommitter(spec, actionId, settings);
  const staging = committer.begin();
  const parts = partsOfRows.map((rows, partition) => {
    const part = createPartWriter(staging, partition, 0, settings);
    part.write(rows);
    return part.finish();
  });
  committer.commit(parts);
}
