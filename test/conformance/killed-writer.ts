import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { type CleanedUp, type CleanSettings, cleanOutput } from '../../src/data/io/clean-output.ts';
import type { FileSystem } from '../../src/data/io/file-system.ts';
import { FileSystems } from '../../src/data/io/file-systems.ts';
import { OutputCommitter } from '../../src/data/io/output-committer.ts';
import type { OutputMode, OutputSettings } from '../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../src/data/io/part-writer.ts';
import { readRows } from '../data/io/scratch.ts';

const built = pathToFileURL(resolve(import.meta.dirname, '../../dist/data/io')).href;

/** Writes two parts and commits, and kills itself with SIGKILL right before its n-th change to the store. */
const writer = (makeSystem: string): string => `
import { FileSystems } from '${built}/file-systems.js';
import { OutputCommitter } from '${built}/output-committer.js';
import { createPartWriter } from '${built}/part-writer.js';
${makeSystem.replaceAll('BUILT', built)}
const [uri, mode, actionId, killAt] = process.argv.slice(1);
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
const committer = new OutputCommitter({ format: 'text', uri, mode, options: {} }, actionId, settings);
const staging = committer.begin();
const parts = [0, 1].map((partition) => {
  const part = createPartWriter(staging, partition, 0, settings);
  part.write(['new ' + partition]);
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

/** A writer that is killed at any point leaves the old output or the new one, and the next one clears up. */
export function killedWriterConformance(make: () => KilledWriterSetting): void {
  it.each<[OutputMode, string[]]>([
    ['error', ['new 0', 'new 1']],
    ['overwrite', ['new 0', 'new 1']],
    ['append', ['new 0', 'new 1', 'old']],
  ])('leaves the old output or the new one, at every step of mode %s', (mode, complete) => {
    const { system, makeSystem, freshOutput, leftovers } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const rowsIn = (output: string): string[] =>
      (readRows({ format: 'text', paths: [output], options: {} }, settings) as string[]).toSorted();
    const clean = (output: string, options: Partial<CleanSettings> = {}): readonly CleanedUp[] => {
      try {
        return cleanOutput(output, { fileSystems: new FileSystems([system]), ...options });
      } catch (error) {
        // Killed before it had written anything.
        expect(error).toMatchObject({ code: 'MR_NOT_FOUND' });
        return [];
      }
    };
    const seen = new Set<string>();
    for (let step = 1, isKilled = true; isKilled; step++) {
      expect(step).toBeLessThan(60);
      const output = freshOutput();
      if (mode !== 'error') save(output, 'error', ['old'], `before${step}`, settings);
      const args = ['--input-type=module', '-e', writer(makeSystem), output, mode, `killed${step}`, String(step)];
      const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(run.stderr).toBe('');
      isKilled = run.signal === 'SIGKILL';
      let found: string;
      try {
        found = JSON.stringify(rowsIn(output));
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_NOT_FOUND' });
        found = 'nothing';
      }
      expect([mode === 'error' ? 'nothing' : '["old"]', JSON.stringify(complete)]).toContain(found);
      seen.add(found);
      if (step % 2 === 0) {
        expect(clean(output, { dryRun: true })).toEqual(clean(output));
        expect(clean(output)).toEqual([]);
        expect(leftovers(output)).toEqual([]);
        if (found !== 'nothing') expect(JSON.stringify(rowsIn(output))).toBe(found);
      }
      save(output, 'overwrite', ['next'], `after${step}`, settings);
      expect(rowsIn(output)).toEqual(['next']);
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

  it('shows one state to a reader, however many commits happen while it lists', () => {
    const { system, freshOutput } = make();
    const settings: OutputSettings = { fileSystems: new FileSystems([system]) };
    const output = freshOutput();
    const generation = (number: number): string[] => ['a', 'b', 'c'].map((name) => `${name}${number}`);
    let commits = 0;
    const commit = (): void => saveParts(output, generation(++commits), `commit${commits}`, settings);
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
    for (const path of [output, `${output}/part-*`]) {
      left = 3;
      const fileSystems = new FileSystems([interrupted]);
      expect(readRows({ format: 'text', paths: [path], options: {} }, { fileSystems })).toEqual(generation(commits));
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

function save(output: string, mode: OutputMode, rows: string[], actionId: string, settings: OutputSettings): void {
  const committer = new OutputCommitter({ format: 'text', uri: output, mode, options: {} }, actionId, settings);
  const part = createPartWriter(committer.begin(), 0, 0, settings);
  part.write(rows);
  committer.commit([part.finish()]);
}

function saveParts(output: string, rows: readonly string[], actionId: string, settings: OutputSettings): void {
  const spec = { format: 'text', uri: output, mode: 'overwrite', options: {} } as const;
  const committer = new OutputCommitter(spec, actionId, settings);
  const staging = committer.begin();
  const parts = rows.map((row, partition) => {
    const part = createPartWriter(staging, partition, 0, settings);
    part.write([row]);
    return part.finish();
  });
  committer.commit(parts);
}
