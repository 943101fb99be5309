// One program over more data than the memory it is given, in a process of its own: its answer, time and peak size as JSON.
import { readFileSync } from 'node:fs';
import { MillraceContext } from 'millrace';
import type { LargeRun } from '../larger-than-memory.ts';

const [program = '', rowsGiven = '', memory = ''] = process.argv.slice(2);
const rows = Number(rowsGiven);
const sc = await MillraceContext.create({ workers: 2, memory, progress: false });
let spilledBytes = 0;
sc.on('taskEnded', (event) => {
  spilledBytes += event.spilledBytes;
});

/** 0 to rows - 1 in another order. */
const permuted = (multiplier: number) => sc.range(rows).map((n) => (n * multiplier) % rows);

const programs: Readonly<Record<string, () => Promise<number>>> = {
  reduceByKey: () =>
    sc
      .range(rows)
      .map((n) => [(n * 7919) % rows, 1] as const)
      .reduceByKey((a, b) => a + b)
      .count(),
  groupByKey: () =>
    permuted(7919)
      .map((n) => [n % (rows / 10), n] as const)
      .groupByKey()
      .count(),
  sortBy: () =>
    permuted(7919)
      .sortBy((n) => n)
      .count(),
  distinct: () => permuted(7919).distinct().count(),
  join: () =>
    permuted(7919)
      .map((n) => [n, n + 1] as const)
      .join(permuted(104_729).map((n) => [n, n + 2] as const))
      .filter(([n, [a, b]]) => a === n + 1 && b === n + 2)
      .count(),
};
const run = programs[program];
if (run === undefined) throw new Error(`no program "${program}"`);
const begun = performance.now();
const answer = await run();
const ms = performance.now() - begun;
const { user, system } = process.cpuUsage();
const peakKb = Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
await sc.stop();
const report: LargeRun = { answer, ms, cpuMs: (user + system) / 1000, peakBytes: peakKb * 1024, spilledBytes };
console.log(JSON.stringify(report));
