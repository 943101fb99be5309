import { MillraceError } from '../../base/errors.ts';
import type { ItemSink } from '../definition/item-writer.ts';
import type { SkippedItem } from '../definition/job-execution.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { addCounts, type StepCounts } from '../definition/step-counts.ts';
import type { MarkedChunk } from '../items/sink-seams.ts';
import { addSkips, hasProgress, skipsOf, writeSkips } from '../repository/chunk-store.ts';
import type { SkipRecord } from '../repository/execution-records.ts';
import { ConnectionSession } from '../repository/sql/data-source.ts';
import type { SqlTransaction } from '../repository/sql/database.ts';
import { isTransientSqlError } from '../repository/sql/transient-error.ts';
import { placeBehind } from './chunk-input.ts';
import { resultsOf } from './chunk-results.ts';
import { Interruption } from './interruption.ts';
import { isLeaseLost } from './job-run.ts';
import type { ChunkRange, LoopState, OpenChunk, StepCheckpoint } from './open-chunk.ts';

/** What a commit stores; a sink in another database keeps it too, for the repository may lose the commit. */
interface Commit {
  readonly checkpoint: StepCheckpoint;
  readonly counts: StepCounts;
  readonly skips: readonly SkipRecord[];
  readonly context: string | null;
}

/**
 * One try to write and commit a range of a chunk: (a) to (i) of ST-30.
 *
 * Invariant (ST-31): counts, checkpoint and context of the record are those of the last commit, unless this attempt
 * commits. Kept by {@link undo}; checked by the suite that kills the process at every point.
 */
export class ChunkAttempt {
  /** The error was one of a listener, the skip limit or the lease: neither retried nor skipped. */
  isFatal = false;
  /** Whether the sink's write is what failed. */
  isWriting = false;
  readonly #loop: LoopState;
  readonly #sink: ItemSink<never>;
  readonly #chunk: OpenChunk;
  readonly #range: ChunkRange;
  /** Ranges of the scan that come behind this one. */
  readonly #rest: readonly ChunkRange[];
  readonly #bound: Interruption;
  readonly #before: {
    readonly counts: StepCounts;
    readonly checkpoint: string | undefined;
    readonly version: number | undefined;
    readonly context: string | undefined;
  };
  /** The live context when the attempt began. */
  readonly #contextBefore: { readonly text: string | undefined; readonly isStored: boolean; readonly version: number };
  /** What the commit stores of the live contexts, by their versions. */
  #storedVersions: { step?: number; job?: number } = {};
  #transaction: SqlTransaction | undefined;
  #write: MarkedChunk | undefined;
  #errors: readonly unknown[] = [];
  #skipped: readonly SkippedItem[] = [];
  #checkpoint: StepCheckpoint | undefined;
  #leaseFromMs: number | undefined;

  constructor(
    loop: LoopState,
    chunk: OpenChunk,
    sink: ItemSink<never>,
    range: ChunkRange,
    rest: readonly ChunkRange[],
  ) {
    this.#loop = loop;
    this.#chunk = chunk;
    this.#sink = sink;
    this.#range = range;
    this.#rest = rest;
    this.#bound = new Interruption(loop.step.interruption);
    const { context: live, record } = loop;
    const { counts, checkpoint, checkpointVersion, context } = record;
    this.#before = { counts, checkpoint, version: checkpointVersion, context };
    const { isDirty, version } = live;
    this.#contextBefore = { text: isDirty ? live.text() : context, isStored: !isDirty, version };
  }

  /** The transaction took too long, whatever error that led to. */
  get timeoutError(): MillraceError | undefined {
    return this.#bound.kind === 'transactionTimeout' ? this.#bound.error : undefined;
  }

  get firstIndex(): number {
    return this.#chunk.entries[this.#range.from]?.index ?? this.#chunk.firstIndex;
  }

  /** The skipped items that were committed. */
  get skipped(): readonly SkippedItem[] {
    return this.#skipped;
  }

  /** Resolves when the range is committed, and memory says so too. */
  async run(): Promise<void> {
    const { step, body, partition } = this.#loop;
    const { transactionTimeoutMs } = body;
    const startedMs = performance.now();
    const timeout = (): MillraceError =>
      new MillraceError(
        'MR_TRANSACTION_TIMEOUT',
        `${step.what}: writing a chunk took longer than its transactionTimeoutMs of ${transactionTimeoutMs}. Write smaller chunks, or raise it.`,
      );
    const callOff = this.#bound.after(transactionTimeoutMs, 'transactionTimeout', timeout);
    try {
      step.probe('beforeWrite', partition, this.firstIndex);
      await this.#writeAndStore();
      if (performance.now() - startedMs > transactionTimeoutMs) this.#bound.interrupt('transactionTimeout', timeout());
      if (this.#bound.isHard) throw this.#bound.error;
      step.probe('beforeCommit', partition, this.firstIndex);
      await this.#commit();
    } catch (error) {
      if (isLeaseLost(error)) this.isFatal = true;
      throw error;
    } finally {
      callOff();
      this.#bound.release();
    }
    this.#committed();
  }

  async #writeAndStore(): Promise<void> {
    const { step, isTransactional } = this.#loop;
    const { job } = step;
    const { outputs, delta, skips, errors } = resultsOf(this.#chunk, this.#range, this.#loop.where);
    this.#errors = errors;
    this.#checkLimit(skips.length);
    const commit: Commit = { checkpoint: this.#placeBehind(), counts: delta, skips, context: this.#contextBehind() };
    const write = this.#chunkWrite();
    if (!isTransactional && outputs.length > 0) {
      job.checkLease();
      const marked = { index: commit.checkpoint.index, record: commit as unknown as JsonValue };
      await this.#writeOutputs(outputs, { ...write, commit: marked } as MarkedChunk);
    }
    const transaction = await this.#begin();
    this.#transaction = transaction;
    const abandon = (): void => void transaction.abandon().catch((error: unknown) => step.log().warn(String(error)));
    this.#bound.hardSignal.addEventListener('abort', abandon, { once: true });
    if (this.#bound.isHard) throw this.#bound.error;
    if (isTransactional && outputs.length > 0) {
      await this.#writeOutputs(outputs, { ...write, tx: new ConnectionSession(transaction) });
    }
    const { state } = this.#sink;
    const checkpoint = state === undefined ? commit.checkpoint : { ...commit.checkpoint, sink: state.call(this.#sink) };
    await this.#store(transaction, { ...commit, checkpoint, context: this.#contextBehind() });
    await this.#callOnSkip(skips.map(({ item }) => item));
    const leaseFromMs = Number(process.hrtime.bigint() / 1_000_000n);
    job.heed(await job.host.store.checkFence(transaction, job.launched));
    if (transaction.dialect === 'sqlite') this.#leaseFromMs = leaseFromMs;
  }

  /** A transaction that waits too long for its lock is not waited for. */
  async #begin(): Promise<SqlTransaction> {
    const { step } = this.#loop;
    const begun = step.job.host.store.begin();
    try {
      return await this.#bound.guard(begun);
    } catch (error) {
      begun
        .then((late) => late.abandon())
        .catch((lateError: unknown) => step.log().debug(`${step.what}: ${String(lateError)}`));
      throw error;
    }
  }

  async #writeOutputs(outputs: readonly unknown[], write: MarkedChunk): Promise<void> {
    this.#write = write;
    this.isWriting = true;
    await this.#bound.guard(this.#sink.write(outputs as never, write));
    if (this.#bound.isHard) throw this.#bound.error;
    this.isWriting = false;
  }

  #chunkWrite(): Pick<MarkedChunk, 'firstIndex' | 'key' | 'signal'> {
    const { firstIndex } = this;
    const last = this.#chunk.entries[this.#range.to - 1];
    const count = (last?.index ?? firstIndex) - firstIndex + 1;
    return { firstIndex, key: `${this.#loop.keyPrefix}/${firstIndex}-${count}`, signal: this.#bound.hardSignal };
  }

  /** (d) to (f), and the record as it will be. */
  async #store(transaction: SqlTransaction, commit: Commit): Promise<void> {
    const { step, record, tally, pending, body, context } = this.#loop;
    const { job } = step;
    const { store } = job.host;
    const counts = { ...record.counts };
    addCounts(counts, commit.counts);
    counts.rollback += pending.rollback;
    counts.retry += pending.retry;
    record.counts = counts;
    record.checkpoint = JSON.stringify(commit.checkpoint);
    record.checkpointVersion = step.definition.version;
    this.#checkpoint = commit.checkpoint;
    if (commit.context !== null) record.context = commit.context;
    this.#storedVersions = { step: context.version };
    const { skips } = commit;
    if (skips.length > 0) await writeSkips(store, transaction, record, job.launched.instanceId, skips);
    this.#skipped = skips.map(({ item }) => item);
    await store.writeProgress(transaction, record);
    if (job.jobContext.isDirty) {
      this.#storedVersions.job = job.jobContext.version;
      await store.writeJobContext(transaction, job.launched, job.jobContext.text());
    }
    if (skips.length === 0) return;
    const isInstance = body.skipScope === 'instance';
    const limit = isInstance ? this.#loop.skipLimit : Number.POSITIVE_INFINITY;
    const isAdded = await addSkips(store, transaction, step.instance?.id ?? '', skips.length, limit);
    // The update above has let one partition through at a time.
    const isWithin = isInstance || (await this.#isWithinExecution(transaction));
    if (isAdded && isWithin) return;
    tally.committed = this.#loop.skipLimit;
    throw this.#limitError(0);
  }

  async #isWithinExecution(transaction: SqlTransaction): Promise<boolean> {
    const { step, record, skipLimit } = this.#loop;
    if (skipLimit === Number.POSITIVE_INFINITY) return true;
    return (await skipsOf(step.job.host.store, transaction, record)) <= skipLimit;
  }

  async #commit(): Promise<void> {
    try {
      await this.#transaction?.commit();
    } catch (error) {
      // A connection that is lost during a commit leaves open whether it was one.
      if (!isTransientSqlError(error) || !(await this.#isCommitted())) throw error;
    }
  }

  async #isCommitted(): Promise<boolean> {
    const { step, record } = this.#loop;
    const { store, logger } = step.job.host;
    if (store.database.dialect === 'sqlite') return false;
    try {
      return await hasProgress(store, record);
    } catch (error) {
      logger.warn(`${step.what}: whether a chunk was committed cannot be found out: ${String(error)}`, { error });
      this.isFatal = true;
      throw error;
    }
  }

  /** What a marker of the sink holds, committed without writing again. */
  async adopt(commit: JsonValue): Promise<void> {
    const { job } = this.#loop.step;
    const transaction = await job.host.store.begin();
    this.#transaction = transaction;
    try {
      const kept = commit as unknown as Commit;
      await this.#store(transaction, kept);
      await this.#callOnSkip(kept.skips.map(({ item }) => item));
      job.heed(await job.host.store.checkFence(transaction, job.launched));
      await transaction.commit();
    } catch (error) {
      await this.undo();
      throw error;
    } finally {
      this.#bound.release();
    }
    this.#committed();
    this.#loop.context.reset(this.#loop.record.context);
  }

  async undo(): Promise<void> {
    const { record, step, context: live } = this.#loop;
    const { counts, checkpoint, version, context } = this.#before;
    Object.assign(record, { counts, checkpoint, checkpointVersion: version, context });
    const { text, isStored, version: liveVersion } = this.#contextBefore;
    if (live.version !== liveVersion) live.reset(text, isStored);
    await this.#transaction?.rollback();
    if (this.#write === undefined) return;
    try {
      await step.interruption.guard(this.#sink.rollback?.(this.#write));
    } catch (error) {
      this.isFatal = true;
      throw error;
    }
  }

  #committed(): void {
    const { step, tally, pending, context } = this.#loop;
    const { job } = step;
    this.#loop.checkpoint = this.#checkpoint;
    tally.committed += this.#skipped.length;
    pending.rollback = 0;
    pending.retry = 0;
    const { step: stepVersion, job: jobVersion } = this.#storedVersions;
    if (stepVersion !== undefined && this.#isLiveContext()) context.stored(stepVersion);
    if (jobVersion !== undefined) job.jobContext.stored(jobVersion);
    if (this.#leaseFromMs !== undefined) job.leaseFromMs = this.#leaseFromMs;
  }

  #checkLimit(skips: number): void {
    const room = this.#loop.skipLimit - this.#loop.tally.committed;
    if (skips > 0 && skips > room) throw this.#limitError(Math.max(0, room));
  }

  /** @param at the first of the range's skips that is too much */
  #limitError(at: number): MillraceError {
    this.isFatal = true;
    const { step, skipLimit } = this.#loop;
    return new MillraceError(
      'MR_SKIP_LIMIT_EXCEEDED',
      `${step.what}: more than ${skipLimit} items failed, as many as its skip limit allows. Mend the input or the step, or raise the limit; a restart goes on behind the last commit.`,
      { cause: this.#errors[at], details: { limit: skipLimit, skipped: this.#errors.slice(0, at) } },
    );
  }

  async #callOnSkip(skipped: readonly SkippedItem[]): Promise<void> {
    const { body, step } = this.#loop;
    for (const item of skipped) {
      if (this.#chunk.told.has(item.index)) continue;
      this.#chunk.told.add(item.index);
      for (const listener of body.listeners) {
        if (listener.onSkip === undefined) continue;
        try {
          await step.interruption.guard(listener.onSkip(item));
        } catch (error) {
          this.isFatal = true;
          throw error;
        }
      }
    }
  }

  #placeBehind(): StepCheckpoint {
    const { entries } = this.#chunk;
    const last = entries[this.#range.to - 1];
    if (last === undefined)
      throw new MillraceError('MR_BUG', 'A range of a chunk is empty. This is a bug in millrace.');
    const sink = this.#loop.checkpoint?.sink;
    const ends = this.#rest.map(({ to }) => (entries[to - 1]?.index ?? last.index) + 1);
    return {
      ...placeBehind(last),
      index: last.index + 1,
      ...(sink === undefined ? {} : { sink }),
      ...(ends.length === 0 ? {} : { ranges: ends }),
    };
  }

  /** Whether no item behind the range has changed the context: then it is as this range leaves it. */
  #isLiveContext(): boolean {
    const { contexts } = this.#chunk;
    if (contexts.size <= 1) return true;
    for (const at of contexts.keys()) if (at >= this.#range.to) return false;
    return true;
  }

  /** The context as it was behind the last entry of the range; null: unchanged. */
  #contextBehind(): string | null {
    const { context, record } = this.#loop;
    if (this.#isLiveContext()) return (context.isDirty ? context.text() : record.context) ?? null;
    const { contexts } = this.#chunk;
    for (let at = this.#range.to - 1; at >= -1; at--) if (contexts.has(at)) return contexts.get(at) ?? null;
    return null;
  }
}
