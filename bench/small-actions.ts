import { MillraceContext } from 'millrace';
import { Bench, type Task } from 'tinybench';
import { type Verdict, verdict } from './harness/report.ts';

async function timeToFirstAnswer(workers: number): Promise<number> {
  const begun = performance.now();
  const sc = await MillraceContext.create({ workers, progress: false });
  await sc.range(workers).count();
  const ms = performance.now() - begun;
  await sc.stop();
  return ms;
}

function judged(task: Task, belowMs: number): Verdict {
  if (task.result.state !== 'completed') throw new Error(`${task.name} did not complete`);
  const { p50, min, max, samplesCount } = task.result.latency;
  const spread = `${min.toFixed(2)} to ${max.toFixed(2)} ms in ${samplesCount} runs`;
  return verdict(p50 < belowMs, `${task.name}: ${p50.toFixed(2)} ms (${spread}; bar: ${belowMs} ms)`);
}

/** What an action and a worker cost at least, in this process: the median of each beside its bar. */
export async function measureSmallActions(iterations: number): Promise<Verdict[]> {
  const starts = new Bench({ iterations: Math.min(iterations, 10), time: 0, warmup: false, throws: true });
  for (const workers of [1, 2]) {
    const name = `create a context of ${workers} workers and count a row on each, per worker`;
    const run = async () => ({ overriddenDuration: (await timeToFirstAnswer(workers)) / workers });
    starts.add(name, run, { async: true });
  }
  await starts.run();

  const sc = await MillraceContext.create({ workers: 2, progress: false });
  const actions = new Bench({ iterations, time: 0, warmupIterations: 20, warmupTime: 0, throws: true });
  actions.add('sc.range(1).count() on a warm context', () => sc.range(1).count(), { async: true });
  await actions.run();
  await sc.stop();
  return [...starts.tasks.map((task) => judged(task, 150)), ...actions.tasks.map((task) => judged(task, 3))];
}
