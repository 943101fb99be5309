import { Bench } from 'tinybench';
import { Contender, type ContenderPlan } from './contender.ts';
import type { Turn } from './serve.ts';
import { Turns } from './turns.ts';

export interface Scenario {
  readonly name: string;
  /** What is computed over which data, for the report. */
  readonly description: string;
  readonly rows: number;
  /** Bytes of input, 0 when it comes from no file. */
  readonly bytes: number;
  readonly contenders: readonly ContenderPlan[];
  readonly bars: readonly Bar[];
}

/** `faster` is to be at least `atLeast` times as fast as `slower`, or to take so much less of the CPU. */
export interface Bar {
  readonly faster: string;
  readonly slower: string;
  readonly atLeast: number;
  readonly by?: 'cpu';
}

export interface Measurement {
  readonly name: string;
  /** The first run of the process, before anything was compiled or cached. */
  readonly firstMs: number;
  readonly medianMs: number;
  /** Median CPU time of all threads, of contenders that say. */
  readonly cpuMs?: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

/**
 * Runs the contenders of a scenario, each in a process of its own, taking turns run by run, so that a slow minute of
 * the machine meets all of them. The first run of each is set apart.
 *
 * @throws {Error} if two contenders give different answers, or one gives another answer than before
 */
export async function measure(scenario: Scenario, runs: number): Promise<Measurement[]> {
  const turns = new Turns();
  const checksums = new Map<string, string>();
  const contenders: Contender[] = [];
  const run = async (contender: Contender): Promise<Turn> => {
    const turn = await turns.take(() => contender.run());
    const { checksum } = turn;
    checksums.set(contender.name, checksum);
    if (new Set(checksums.values()).size > 1)
      throw new Error(`${scenario.name}: the answers differ: ${JSON.stringify(Object.fromEntries(checksums))}`);
    return turn;
  };
  try {
    for (const plan of scenario.contenders) contenders.push(await Contender.start(plan));
    return await Promise.all(
      contenders.map(async (contender, index) => {
        const { ms: firstMs } = await run(contender);
        const cpuTimes: number[] = [];
        const iterations = Math.min(runs, scenario.contenders[index]?.runs ?? runs);
        const bench = new Bench({ iterations, time: 0, warmup: false, throws: true, retainSamples: true });
        const once = async () => {
          const { ms, cpuMs } = await run(contender);
          if (cpuMs !== undefined) cpuTimes.push(cpuMs);
          return { overriddenDuration: ms };
        };
        bench.add(contender.name, once, { async: true });
        const [task] = await bench.run();
        if (task?.result.state !== 'completed') throw new Error(`${contender.name} did not complete`);
        const { p50, min, max, samplesCount } = task.result.latency;
        const cpuMs = cpuTimes.toSorted((a, b) => a - b)[cpuTimes.length >> 1];
        const { name } = contender;
        const measured = { name, firstMs, medianMs: p50, minMs: min, maxMs: max, runs: samplesCount };
        return cpuMs === undefined ? measured : { ...measured, cpuMs };
      }),
    );
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}
