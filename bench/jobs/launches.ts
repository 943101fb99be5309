import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { JobOperator, job } from 'millrace/jobs';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Launch to COMPLETED of a job with one task, and `create` on a store that exists, in ms each. */
export async function measureLaunches(
  folder: string,
  times: number,
): Promise<{ readonly launch: readonly number[]; readonly create: readonly number[] }> {
  const file = join(folder, 'launches.db');
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  const one = job('one').step('one', (s) => s.task(() => 1));
  const launch: number[] = [];
  const create: number[] = [];
  const timed = async <T>(times: number[], work: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await work();
    times.push(performance.now() - begun);
    return result;
  };
  await (await JobOperator.create({ repository: `sqlite:${file}` })).close();
  for (let round = 0; round < Math.max(1, times / 10); round++) {
    const operator = await timed(create, () => JobOperator.create({ repository: `sqlite:${file}`, jobs: [one] }));
    for (let n = 0; n < 10; n++) await timed(launch, () => operator.run(one));
    await operator.close();
  }
  return { launch, create };
}
