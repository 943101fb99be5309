import { MillraceError } from '../../base/errors.ts';
import { type ChunkFaults, contextOfTry } from './chunk-faults.ts';
import type { InputEntry } from './chunk-input.ts';
import { type Outputs, type ProcessItem, processorOf } from './chunk-processor.ts';
import { ThreadedCalls } from './chunk-threads.ts';
import { isSkipped, type LoopState, type OpenChunk, Skipped } from './open-chunk.ts';

/** Step 2 of ST-30: makes outputs of the items of a chunk, in order, whatever `concurrency` is. */
export class ChunkItems {
  readonly #loop: LoopState;
  readonly #faults: ChunkFaults;
  readonly #process: ProcessItem;
  readonly #isThreaded: boolean;

  constructor(loop: LoopState, faults: ChunkFaults) {
    this.#loop = loop;
    this.#faults = faults;
    const { stages } = loop.body;
    this.#isThreaded = stages.some((stage) => stage.kind === 'process' && stage.threads);
    this.#process = processorOf(stages, loop.step.what, ({ fn, threads }) => {
      if (!threads) return fn;
      const calls = new ThreadedCalls(loop, fn as (item: unknown, c: unknown) => unknown);
      return (item, c) => calls.call(item, c);
    });
  }

  /** Fills in the outcomes of the chunk. @throws the error of an item that is not to be skipped */
  async process(chunk: OpenChunk): Promise<void> {
    const { concurrency, stages } = this.#loop.body;
    if (stages.length === 0) {
      for (const [at, { item, isReadSkip }] of chunk.entries.entries()) if (!isReadSkip) chunk.outcomes[at] = [item];
    } else if (this.#isThreaded) {
      // All items of the chunk go to the threaded stage, which takes them together.
      await this.#together(chunk, chunk.entries.length);
    } else if (concurrency > 1) await this.#together(chunk, concurrency);
    else await this.#oneByOne(chunk);
  }

  async #oneByOne(chunk: OpenChunk): Promise<void> {
    const { step, context, c, tally, skipLimit } = this.#loop;
    const { interruption } = step;
    let skips = chunk.outcomes.filter(isSkipped).length;
    let version = context.version;
    for (const [at, entry] of chunk.entries.entries()) {
      if (entry.isReadSkip) continue;
      let outcome: Outputs | Skipped;
      try {
        const made = this.#process(entry.item, c);
        outcome = made instanceof Promise ? await interruption.guard(made) : made;
      } catch (error) {
        const tried = await this.#again(entry, withIndex(error, entry.index), skips);
        outcome = isSkipped(tried) ? this.#skipOrThrow(tried, skips) : tried;
      }
      if (interruption.isHard) throw interruption.error;
      chunk.outcomes[at] = outcome;
      if (context.version !== version) {
        version = context.version;
        chunk.contexts.set(at, context.text());
      }
      if (!isSkipped(outcome)) continue;
      skips += 1;
      // The attempt will fail by the limit: what is behind this item need not be processed for that.
      if (tally.committed + skips > skipLimit) return;
    }
  }

  async #together(chunk: OpenChunk, concurrency: number): Promise<void> {
    const { step, context, c } = this.#loop;
    const { interruption } = step;
    const { entries, outcomes } = chunk;
    const openSkips = outcomes.filter(isSkipped).length;
    let next = 0;
    let isFailed = false;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < entries.length && !isFailed; at = next++) {
        const entry = entries[at];
        if (entry === undefined || entry.isReadSkip || interruption.isHard) continue;
        try {
          outcomes[at] = await interruption.guard(this.#process(entry.item, c));
        } catch (error) {
          const tried = await this.#again(entry, withIndex(error, entry.index), openSkips);
          outcomes[at] = tried;
          if (isSkipped(tried) && this.#isFatal(tried, openSkips)) isFailed = true;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, entries.length) }, worker));
    if (interruption.isHard) throw interruption.error;
    // What cannot be processed is decided on in the order of the input, as one at a time would.
    let skips = 0;
    for (const outcome of outcomes) {
      if (!isSkipped(outcome)) continue;
      if (outcome.phase === 'process') this.#skipOrThrow(outcome, skips);
      skips += 1;
    }
    if (context.isDirty) chunk.contexts.set(entries.length - 1, context.text());
  }

  /** Further tries of an item. @returns its outputs, or the error that is not tried again, to be skipped or thrown */
  async #again(entry: InputEntry, first: unknown, openSkips: number): Promise<Outputs | Skipped> {
    const { step, c } = this.#loop;
    let error = first;
    for (let attempt = 1; ; attempt++) {
      if (!this.#faults.isTriedAgain(error, attempt, openSkips)) return new Skipped('process', error);
      await this.#faults.backoff('process', attempt, error, entry.index);
      try {
        return await step.interruption.guard(this.#process(entry.item, contextOfTry(c, attempt + 1)));
      } catch (thrown) {
        error = withIndex(thrown, entry.index);
      }
    }
  }

  /** Whether the step fails by it for sure; a policy is not asked out of turn. */
  #isFatal({ error }: Skipped, openSkips: number): boolean {
    if (this.#loop.body.skipPolicy !== undefined) return false;
    return this.#faults.decideAtLast(error, openSkips) !== 'skip';
  }

  #skipOrThrow(skipped: Skipped, openSkips: number): Skipped {
    if (this.#faults.decideAtLast(skipped.error, openSkips) === 'skip') return skipped;
    throw skipped.error;
  }
}

/** A forgotten return is found by the index of its item. */
function withIndex(error: unknown, index: number): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'MR_PROCESSOR_RETURNED_UNDEFINED') return error;
  return new MillraceError(error.code, `${error.message} It was the item of index ${index}.`, { details: { index } });
}
