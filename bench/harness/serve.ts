import { createInterface } from 'node:readline';
import { checksum } from './checksum.ts';

export type Table = Iterable<readonly [string, number]>;

/** What a contender answers for each run. */
export interface Turn {
  readonly ms: number;
  readonly checksum: string;
}

/**
 * The contender's side of the harness: runs the query once for every line on stdin and answers with a {@link Turn} on
 * stdout. The clock stops when the table is complete; its checksum is taken afterwards.
 */
export async function serve(query: () => Table | Promise<Table>): Promise<void> {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'run') throw new Error(`unknown order "${line}"`);
    const begun = performance.now();
    const table = await query();
    const ms = performance.now() - begun;
    console.log(JSON.stringify({ ms, checksum: checksum(table) } satisfies Turn));
  }
}
