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
  const spread = `${min.toPrecision(3)} to ${max.toPrecision(3)} ms in ${samplesCount} runs`;
  return verdict(p50 < belowMs, `${task.name}: ${p50.toPrecision(3)} ms (${spread}; bar: ${belowMs} ms)`);
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

  const tasks = new Bench({
    iterations: Math.min(iterations, 20),
    time: 0,
    warmupIterations: 2,
    warmupTime: 0,
    throws: true,
  });
  const numTasks = 10_000;
  const countAll = async () => {
    const begun = performance.now();
    await sc.range(0, numTasks, 1, numTasks).count();
    return { overriddenDuration: (performance.now() - begun) / numTasks };
  };
  tasks.add('count the rows of 10 000 partitions, per task', countAll, { async: true });
  await tasks.run();
  await sc.stop();
  return [
    ...starts.tasks.map((task) => judged(task, 150)),
    ...actions.tasks.map((task) => judged(task, 3)),
    ...tasks.tasks.map((task) => judged(task, 0.1)),
  ];
}
