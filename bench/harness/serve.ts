import { createInterface } from 'node:readline';
import { checksum } from './checksum.ts';

export type Table = Iterable<readonly [string, number]>;

/** What a contender answers for each run. */
export interface Turn {
  readonly ms: number;
  /** Of all threads; programs that are not JavaScript, or have processes of their own, do not say. */
  readonly cpuMs?: number;
  readonly checksum: string;
}

/**
 * The contender's side of the harness: runs the query once for every line on stdin and answers with a {@link Turn} on
 * stdout. The clock stops when the table is complete; its checksum is taken afterwards. Where Node has --expose-gc, what
 * the run before left is collected first.
 *
 * @param hasProcesses whether other processes work for it, of whose CPU time this one knows nothing
 */
export async function serve(query: () => Table | Promise<Table>, hasProcesses = false): Promise<void> {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'run') throw new Error(`unknown order "${line}"`);
    globalThis.gc?.();
    const [begun, used] = [performance.now(), process.cpuUsage()];
    const table = await query();
    const ms = performance.now() - begun;
    const { user, system } = process.cpuUsage(used);
    const cpu = hasProcesses ? {} : { cpuMs: (user + system) / 1000 };
    console.log(JSON.stringify({ ms, ...cpu, checksum: checksum(table) } satisfies Turn));
  }
}
