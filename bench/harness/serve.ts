import { createInterface } from 'node:readline';
import { checksum } from './checksum.ts';

export type Table = Iterable<readonly [string, number]>;

/** What a contender answers for each run. */
export interface Turn {
  readonly ms: number;
  /** Of all threads; programs that are not JavaScript do not say. */
  readonly cpuMs?: number;
  readonly checksum: string;
}

/**
 * The contender's side of the harness: runs the query once for every line on stdin and answers with a {@link Turn} on
 * stdout. The clock stops when the table is complete; its checksum is taken afterwards. Where Node has --expose-gc, what
 * the run before left is collected first.
 */
export async function serve(query: () => Table | Promise<Table>): Promise<void> {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'run') throw new Error(`unknown order "${line}"`);
    globalThis.gc?.();
    const [begun, used] = [performance.now(), process.cpuUsage()];
    const table = await query();
    const ms = performance.now() - begun;
    const { user, system } = process.cpuUsage(used);
    console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, checksum: checksum(table) } satisfies Turn));
  }
}
