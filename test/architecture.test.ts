import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = resolve(import.meta.dirname, '../src');

/** From the ground up. A file may import its own room and any room listed before it. */
const rooms = [
  'base',
  'base/closures',
  'data/columnar',
  'data/kernels',
  'data/io',
  'plan/lineage',
  'plan/codegen',
  'plan/stages',
  'engine/protocol',
  'engine/storage',
  'engine/shuffle',
  'engine/executor',
  'engine/scheduler',
  'engine/backends',
  'api',
  'index.ts',
  'jobs/definition',
  'jobs/policies',
  'jobs/repository',
  'jobs/items',
  'jobs/runtime',
  'jobs/index.ts',
  'cli',
];

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const importPattern = /^(?:import|export)\b(?<clause>[^'"]*?)from\s+['"](?<path>\.[^'"]+)['"]/gm;
const graph = new Map(
  files.map((file) => [
    file,
    [...readFileSync(join(src, file), 'utf8').matchAll(importPattern)].map(({ groups }) => ({
      to: relative(src, resolve(src, dirname(file), groups!['path']!)),
      isType: groups!['clause']!.trimStart().startsWith('type '),
    })),
  ]),
);
/** The room a file lives in: the longest name that fits, so that base/closures is not base. */
const floor = (file: string): number => {
  let best = -1;
  for (const [index, room] of rooms.entries())
    if ((file === room || file.startsWith(`${room}/`)) && room.length > (rooms[best]?.length ?? 0)) best = index;
  return best;
};
const edges = [...graph].flatMap(([from, tos]) => tos.map(({ to }) => ({ from, to })));
/** Everything a file loads. Types are followed as well, but for those of its own room: classes of one room may name each other. */
const reach = (file: string, seen = new Set<string>()): Set<string> => {
  for (const { to, isType } of graph.get(file) ?? []) {
    if (seen.has(to) || (isType && floor(to) === floor(file))) continue;
    seen.add(to);
    reach(to, seen);
  }
  return seen;
};

describe('architecture', () => {
  it('puts every file in a known room', () => {
    expect(files.filter((file) => floor(file) < 0)).toEqual([]);
  });

  it('imports only downward, types included', () => {
    expect(edges.filter(({ from, to }) => floor(to) > floor(from)).map(({ from, to }) => `${from} -> ${to}`)).toEqual(
      [],
    );
  });

  it('has no import cycle', () => {
    expect(files.filter((file) => reach(file).has(file))).toEqual([]);
  });

  it('keeps driver code out of the workers', () => {
    const worker = [...reach('engine/executor/worker-main.ts')];
    expect(worker.length).toBeGreaterThan(0);
    expect(worker.filter((file) => /^(api|jobs|cli|engine\/(scheduler|backends))\//.test(file))).toEqual([]);
  });

  it('lets driver and worker meet only in protocol', () => {
    expect(
      edges.filter(({ from, to }) => from.startsWith('engine/scheduler') && to.startsWith('engine/executor')),
    ).toEqual([]);
  });

  it('has no file of over 500 lines', () => {
    const long = files.filter((file) => readFileSync(join(src, file), 'utf8').split('\n').length > 500);
    expect(long).toEqual([]);
  });
});
