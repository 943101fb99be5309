import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface ChildRun {
  /** What it said, a line each, with the time since its process was started. */
  readonly said: readonly { readonly ms: number; readonly value: Readonly<Record<string, number>> }[];
  readonly signal: string | null;
}

async function runChild(...args: readonly string[]): Promise<ChildRun> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['dist-bench/jobs/child.js', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: { ms: number; value: Record<string, number> }[] = [];
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout }))
    said.push({ ms: performance.now() - begun, value: JSON.parse(line) });
  const [code, signal] = await exited;
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`${args.join(' ')} ended with ${code ?? signal}`);
  return { said, signal };
}

/**
 * Kills an import at half of its rows, starts it again and returns how long it took from the start of the new process,
 * Node included, to its first commit.
 *
 * @throws {Error} if a row is lost or doubled
 */
export async function firstCommitAfterKill(csv: string, rows: number, folder: string): Promise<number> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `import.db${suffix}`), { force: true });
  const killed = await runChild('import', csv, folder, String(rows / 2));
  if (killed.signal !== 'SIGKILL') throw new Error('the import was not killed');
  const { said } = await runChild('import', csv, folder, '0');
  const [first, last] = said;
  if (first === undefined || last?.value['rows'] !== rows)
    throw new Error(`the table has ${last?.value['rows']} rows, not ${rows}`);
  if (first.value['firstIndex'] !== rows / 2 + 100)
    throw new Error(`the import went on at ${first.value['firstIndex']}`);
  return first.ms;
}

/** MiB of resident size above that of the first 100 000 items, while `items` go through a step. */
export async function memoryOf(items: number, folder: string): Promise<{ aboveMiB: number; peakMiB: number }> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `read.db${suffix}`), { force: true });
  const { said } = await runChild('read', String(items), folder);
  const { aboveMiB = Number.NaN, peakMiB = Number.NaN } = said.at(-1)?.value ?? {};
  return { aboveMiB, peakMiB };
}
