import type { ItemSink } from '../definition/item-writer.ts';
import type { ErrorDecision } from '../policies/classification.ts';
import { ChunkAttempt } from './chunk-attempt.ts';
import type { ChunkFaults } from './chunk-faults.ts';
import { type ChunkRange, isSkipped, type LoopState, type OpenChunk, Skipped } from './open-chunk.ts';

/** A failed attempt of a range. */
interface AttemptFailure {
  readonly error: unknown;
  /** Whether the sink's write failed; else the commit around it did. */
  readonly isWrite: boolean;
}

interface PlannedRange extends ChunkRange {
  /** Of a scan, in which a range whose error is skippable is cut in two at once. */
  readonly isScanned: boolean;
}

/** Steps 3 and 4 of ST-30: a chunk in one attempt, or by bisection where a write fails with an error to be skipped (ST-34). */
export class ChunkWriting {
  readonly #loop: LoopState;
  readonly #faults: ChunkFaults;

  constructor(loop: LoopState, faults: ChunkFaults) {
    this.#loop = loop;
    this.#faults = faults;
  }

  /** @param ends of the ranges of a scan that an earlier run began, by input index */
  async write(chunk: OpenChunk, sink: ItemSink<never>, ends: readonly number[]): Promise<void> {
    const ranges = plannedRanges(chunk, ends);
    for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
      ranges.unshift(...(await this.#range(chunk, sink, range, ranges)));
    }
  }

  /** Commits a range, in as many tries as it takes. @returns the ranges that are to be committed in its place */
  async #range(
    chunk: OpenChunk,
    sink: ItemSink<never>,
    range: PlannedRange,
    rest: readonly ChunkRange[],
  ): Promise<PlannedRange[]> {
    const { step, partition } = this.#loop;
    const units = unitsOf(chunk, range);
    const firstIndex = chunk.entries[range.from]?.index ?? chunk.firstIndex;
    if (range.isScanned) {
      if (step.interruption.isHard) throw step.interruption.error;
      step.probe('betweenRanges', partition, firstIndex);
    }
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#attempt(chunk, sink, range, rest);
      if (failure === undefined) return [];
      const splitsAtOnce = range.isScanned && units.length > 1;
      const decision = this.#decide(failure, attempt, splitsAtOnce, openSkips(chunk, range));
      if (decision === 'retry') {
        await this.#faults.backoff('write', attempt, failure.error, firstIndex);
        continue;
      }
      const [only] = units;
      if (decision !== 'skip' || !failure.isWrite || only === undefined) throw failure.error;
      if (units.length === 1) {
        chunk.outcomes[only] = new Skipped('write', failure.error, chunk.outcomes[only]);
        units.length = 0;
        attempt = 0;
        continue;
      }
      // Filtered and skipped records go with the outputs behind them, the last ones with those before.
      const middle = (units[Math.floor(units.length / 2) - 1] ?? range.from) + 1;
      return [
        { from: range.from, to: middle, isScanned: true },
        { from: middle, to: range.to, isScanned: true },
      ];
    }
  }

  #decide({ error, isWrite }: AttemptFailure, attempt: number, splitsAtOnce: boolean, skips: number): ErrorDecision {
    const { step, isTransactional } = this.#loop;
    if (step.interruption.isHard) return 'end';
    const decision = isTransactional || !isWrite ? this.#faults.decideOnTransaction(error, attempt) : undefined;
    if (decision !== undefined) return decision;
    if (splitsAtOnce && this.#faults.decideAtLast(error, skips) === 'skip') return 'skip';
    return this.#faults.decide(error, attempt, skips);
  }

  async #attempt(
    chunk: OpenChunk,
    sink: ItemSink<never>,
    range: ChunkRange,
    rest: readonly ChunkRange[],
  ): Promise<AttemptFailure | undefined> {
    const { step, pending, where } = this.#loop;
    const attempt = new ChunkAttempt(this.#loop, chunk, sink, range, rest);
    try {
      await attempt.run();
    } catch (error) {
      await attempt.undo();
      pending.rollback += 1;
      const { firstIndex } = attempt;
      step.job.emit({ kind: 'chunkRolledBack', at: step.job.now(), ...where, firstIndex });
      if (attempt.isFatal) throw error;
      return { error: attempt.timeoutError ?? error, isWrite: attempt.isWriting };
    }
    await this.#committed(attempt);
    return undefined;
  }

  async #committed({ firstIndex, skipped }: ChunkAttempt): Promise<void> {
    const { step, partition, body, record, where } = this.#loop;
    const { job } = step;
    step.probe('afterCommit', partition, firstIndex);
    try {
      for (const listener of body.listeners) {
        if (!listener.afterChunk) continue;
        await step.interruption.guard(listener.afterChunk({ firstIndex, counts: { ...record.counts } }));
      }
    } finally {
      if (job.host.hub.hears('chunkCommitted')) {
        job.emit({ kind: 'chunkCommitted', at: job.now(), ...where, firstIndex, counts: { ...record.counts } });
      }
      for (const { index, phase } of skipped) job.emit({ kind: 'itemSkipped', at: job.now(), ...where, index, phase });
    }
  }
}

/** The whole chunk, or what an earlier run had left of its scan. */
function plannedRanges({ entries }: OpenChunk, ends: readonly number[]): PlannedRange[] {
  const ranges: PlannedRange[] = [];
  let from = 0;
  for (const end of ends) {
    let to = from;
    while (to < entries.length && (entries[to]?.index ?? end) < end) to += 1;
    if (to > from) ranges.push({ from, to, isScanned: true });
    from = to;
  }
  if (from < entries.length) ranges.push({ from, to: entries.length, isScanned: false });
  return ranges;
}

/** Positions of the entries that have outputs. */
function unitsOf({ outcomes }: OpenChunk, { from, to }: ChunkRange): number[] {
  const units: number[] = [];
  for (let at = from; at < to; at++) {
    const outcome = outcomes[at];
    if (outcome !== undefined && !isSkipped(outcome) && outcome.length > 0) units.push(at);
  }
  return units;
}

/** Skips of the chunk that no commit has counted: those from a place on, for what is before it is committed. */
function openSkips({ outcomes }: OpenChunk, { from }: ChunkRange): number {
  return outcomes.slice(from).filter(isSkipped).length;
}
