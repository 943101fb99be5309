import { MillraceError } from '../../base/errors.ts';
import { failureInfo } from '../definition/failure-info.ts';
import type { ItemSink } from '../definition/item-writer.ts';
import type { SkippedItem } from '../definition/job-execution.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { addCounts, noCounts, type StepCounts } from '../definition/step-counts.ts';
import type { MarkedChunk } from '../items/sink-seams.ts';
import type { SkipRecord } from '../repository/execution-records.ts';
import { ConnectionSession } from '../repository/sql/data-source.ts';
import type { SqlTransaction } from '../repository/sql/database.ts';
import { placeBehind } from './chunk-input.ts';
import { Interruption } from './interruption.ts';
import { isLeaseLost } from './job-run.ts';
import { type LoopState, type OpenChunk, Skipped, type StepCheckpoint } from './open-chunk.ts';

const mostItemBytes = 8 * 1024;

/** What a sink in another database keeps of a commit that the repository may have lost. */
export interface MarkerRecord {
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
  readonly #from: number;
  readonly #to: number;
  readonly #bound: Interruption;
  readonly #before: {
    readonly counts: StepCounts;
    readonly checkpoint: string | undefined;
    readonly version: number | undefined;
    readonly context: string | undefined;
  };
  #transaction: SqlTransaction | undefined;
  #write: MarkedChunk | undefined;

  constructor(loop: LoopState, chunk: OpenChunk, sink: ItemSink<never>, from: number, to: number) {
    this.#loop = loop;
    this.#chunk = chunk;
    this.#sink = sink;
    this.#from = from;
    this.#to = to;
    this.#bound = new Interruption(loop.step.interruption);
    const { counts, checkpoint, checkpointVersion, context } = loop.record;
    this.#before = { counts, checkpoint, version: checkpointVersion, context };
  }

  /** The transaction took too long, whatever error that led to. */
  get timeoutError(): MillraceError | undefined {
    return this.#bound.kind === 'transactionTimeout' ? this.#bound.error : undefined;
  }

  async run(): Promise<void> {
    const loop = this.#loop;
    const { step, body } = loop;
    const { transactionTimeoutMs } = body;
    const startedMs = performance.now();
    const timeout = (): MillraceError =>
      new MillraceError(
        'MR_TRANSACTION_TIMEOUT',
        `${step.what}: writing a chunk took longer than its transactionTimeoutMs of ${transactionTimeoutMs}. Write smaller chunks, or raise it.`,
      );
    const callOff = this.#bound.after(transactionTimeoutMs, 'transactionTimeout', timeout);
    try {
      await this.#run();
      if (performance.now() - startedMs > transactionTimeoutMs) this.#bound.interrupt('transactionTimeout', timeout());
      if (this.#bound.isHard) throw this.#bound.error;
      step.probe('beforeCommit', loop.partition, this.#firstIndex);
      await this.#transaction?.commit();
    } catch (error) {
      if (isLeaseLost(error)) this.isFatal = true;
      throw error;
    } finally {
      callOff();
      this.#bound.release();
    }
    this.#committed();
  }

  get #firstIndex(): number {
    return this.#chunk.entries[this.#from]?.index ?? this.#chunk.firstIndex;
  }

  async #run(): Promise<void> {
    const loop = this.#loop;
    const { step, record, partition, isTransactional } = loop;
    const { job } = step;
    step.probe('beforeWrite', partition, this.#firstIndex);
    const { outputs, delta, skips } = this.#gather();
    this.#checkLimit(skips);
    const checkpoint = this.#checkpointBehind();
    const firstIndex = this.#firstIndex;
    const last = this.#chunk.entries[this.#to - 1];
    const count = (last?.index ?? firstIndex) - firstIndex + 1;
    const write = { firstIndex, key: `${loop.keyPrefix}/${firstIndex}-${count}`, signal: this.#bound.hardSignal };
    this.#write = write;
    const context = this.#contextBehind();
    if (!isTransactional && outputs.length > 0) {
      job.checkLease();
      const marker: MarkerRecord = { checkpoint, counts: delta, skips, context: context ?? null };
      const commit = { index: checkpoint.index, record: marker as unknown as JsonValue };
      this.#write = { ...write, commit } as MarkedChunk;
      this.isWriting = true;
      await this.#bound.guard(this.#sink.write(outputs as never, this.#write));
      if (this.#bound.isHard) throw this.#bound.error;
      this.isWriting = false;
    }
    const transaction = await job.host.store.begin();
    this.#transaction = transaction;
    const abandon = (): void => void transaction.abandon().catch((error: unknown) => step.log().warn(String(error)));
    this.#bound.hardSignal.addEventListener('abort', abandon, { once: true });
    if (isTransactional && outputs.length > 0) {
      this.isWriting = true;
      this.#write = { ...write, tx: new ConnectionSession(transaction) };
      await this.#bound.guard(this.#sink.write(outputs as never, this.#write));
      if (this.#bound.isHard) throw this.#bound.error;
      this.isWriting = false;
    }
    await this.#store(transaction, {
      checkpoint: this.#withSinkState(checkpoint),
      counts: delta,
      skips,
      context: context ?? null,
    });
    await this.#callOnSkip(skips.map(({ item }) => item));
    const leaseFromMs = Number(process.hrtime.bigint() / 1_000_000n);
    job.heed(await job.host.store.checkFence(transaction, job.launched));
    if (transaction.dialect === 'sqlite') this.#leaseFromMs = leaseFromMs;
    this.#skipped = skips.map(({ item }) => item);
    this.#recordCounts = record.counts;
  }

  #leaseFromMs: number | undefined;
  #skipped: readonly SkippedItem[] = [];
  #recordCounts: StepCounts | undefined;

  /** (d) to (f), and the record as it will be. */
  async #store(transaction: SqlTransaction, commit: MarkerRecord): Promise<void> {
    const { step, record, tally, pending, body } = this.#loop;
    const { store } = step.job.host;
    const counts = { ...record.counts };
    addCounts(counts, commit.counts);
    counts.rollback += pending.rollback;
    counts.retry += pending.retry;
    record.counts = counts;
    record.checkpoint = JSON.stringify(commit.checkpoint);
    record.checkpointVersion = step.definition.version;
    if (commit.context !== null) record.context = commit.context;
    if (commit.skips.length > 0)
      await store.writeSkips(transaction, record, step.job.launched.instanceId, commit.skips);
    await store.writeProgress(transaction, record);
    if (step.job.jobContext.isDirty)
      await store.writeJobContext(transaction, step.job.launched, step.job.jobContext.text());
    if (commit.skips.length === 0) return;
    const limit = body.skipScope === 'instance' ? this.#loop.skipLimit : Number.POSITIVE_INFINITY;
    if (await store.addSkips(transaction, step.instance?.id ?? '', commit.skips.length, limit)) return;
    tally.committed = limit;
    throw this.#limitError(commit.skips.length === 0 ? undefined : this.#errors()[0]);
  }

  /** What a marker holds, committed without writing again. */
  static async adopt(loop: LoopState, commit: MarkerRecord): Promise<void> {
    const chunk: OpenChunk = {
      firstIndex: commit.checkpoint.index,
      entries: [],
      outcomes: [],
      contexts: new Map(),
      told: new Set(),
    };
    const attempt = new ChunkAttempt(loop, chunk, { write: () => undefined }, 0, 0);
    const { job } = loop.step;
    const transaction = await job.host.store.begin();
    try {
      await attempt.#store(transaction, commit);
      job.heed(await job.host.store.checkFence(transaction, job.launched));
      await transaction.commit();
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    attempt.#bound.release();
    loop.checkpoint = commit.checkpoint;
    loop.tally.committed += commit.skips.length;
  }

  async undo(): Promise<void> {
    const { record, step } = this.#loop;
    const { counts, checkpoint, version, context } = this.#before;
    Object.assign(record, { counts, checkpoint, checkpointVersion: version, context });
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
    const loop = this.#loop;
    const { step, tally, pending, partition } = loop;
    const { job } = step;
    loop.checkpoint = JSON.parse(loop.record.checkpoint ?? 'null') as StepCheckpoint;
    tally.committed += this.#skipped.length;
    pending.rollback = 0;
    pending.retry = 0;
    if (this.#to === this.#chunk.entries.length) loop.context.stored();
    job.jobContext.stored();
    if (this.#leaseFromMs !== undefined) job.leaseFromMs = this.#leaseFromMs;
    step.probe('afterCommit', partition, this.#firstIndex);
    const { hub } = job.host;
    if (hub.hears('chunkCommitted') && this.#recordCounts !== undefined) {
      job.emit({
        kind: 'chunkCommitted',
        at: job.now(),
        ...loop.where,
        firstIndex: this.#firstIndex,
        counts: { ...this.#recordCounts },
      });
    }
    for (const { index, phase } of this.#skipped)
      job.emit({ kind: 'itemSkipped', at: job.now(), ...loop.where, index, phase });
  }

  /** The outputs of the range, what it adds to the counts, and its skips. */
  #gather(): { readonly outputs: unknown[]; readonly delta: StepCounts; readonly skips: SkipRecord[] } {
    const { entries, outcomes } = this.#chunk;
    const outputs: unknown[] = [];
    const delta = noCounts();
    const skips: SkipRecord[] = [];
    delta.commit = 1;
    for (let at = this.#from; at < this.#to; at++) {
      const [entry, outcome] = [entries[at], outcomes[at]];
      if (entry === undefined || outcome === undefined) continue;
      if (!entry.isReadSkip) delta.read += 1;
      if (outcome instanceof Skipped) {
        delta.skip += outcome.outputs;
        if (outcome.phase === 'read') delta.readSkip += 1;
        else if (outcome.phase === 'process') delta.processSkip += 1;
        else delta.writeSkip += outcome.outputs;
        skips.push(this.#skipRecord(entry.index, entry.item, entry.isReadSkip, outcome));
      } else if (outcome.length === 0) delta.filter += 1;
      else if (outcome.length === 1) outputs.push(outcome[0]);
      else for (const output of outcome) outputs.push(output);
    }
    delta.write = outputs.length;
    return { outputs, delta, skips };
  }

  #skipRecord(index: number, item: unknown, isReadSkip: boolean, { phase, error }: Skipped): SkipRecord {
    const { record, partition } = this.#loop;
    const text = isReadSkip ? undefined : itemText(item);
    const bytes = text === undefined ? undefined : Buffer.from(text);
    const truncated = bytes !== undefined && bytes.length > mostItemBytes;
    const cut = truncated
      ? bytes
          .subarray(0, mostItemBytes)
          .toString()
          .replace(/\ufffd+$/, '')
      : text;
    return {
      item: {
        stepName: record.name,
        ...(partition === undefined ? {} : { partition }),
        phase,
        index,
        ...(cut === undefined ? {} : { item: truncated ? cut : (JSON.parse(cut) as JsonValue) }),
        truncated,
        error: failureInfo(error),
      },
      itemText: cut,
    };
  }

  #errors(): readonly unknown[] {
    return this.#chunk.outcomes
      .slice(this.#from, this.#to)
      .flatMap((outcome) => (outcome instanceof Skipped ? [outcome.error] : []));
  }

  #checkLimit(skips: readonly SkipRecord[]): void {
    const limit = this.#loop.skipLimit;
    const room = limit - this.#loop.tally.committed;
    if (skips.length === 0 || skips.length <= room) return;
    throw this.#limitError(this.#errors()[Math.max(0, room)]);
  }

  #limitError(cause: unknown): MillraceError {
    this.isFatal = true;
    const { step, skipLimit } = this.#loop;
    return new MillraceError(
      'MR_SKIP_LIMIT_EXCEEDED',
      `${step.what}: more than ${skipLimit} items failed, as many as its skip limit allows. Mend the input or the step, or raise the limit; a restart goes on behind the last commit.`,
      { cause, details: { limit: skipLimit, skipped: this.#errors().filter((error) => error !== cause) } },
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

  #checkpointBehind(): StepCheckpoint {
    const last = this.#chunk.entries[this.#to - 1];
    if (last === undefined)
      throw new MillraceError('MR_BUG', 'A range of a chunk is empty. This is a bug in millrace.');
    const before = this.#loop.checkpoint?.sink;
    return { ...placeBehind(last), index: last.index + 1, ...(before === undefined ? {} : { sink: before }) };
  }

  #withSinkState(checkpoint: StepCheckpoint): StepCheckpoint {
    return this.#sink.state === undefined ? checkpoint : { ...checkpoint, sink: this.#sink.state() };
  }

  /** The context as it was behind the last entry of the range; of the whole chunk, as it is now. */
  #contextBehind(): string | undefined {
    const { context, record } = this.#loop;
    const { entries, contexts } = this.#chunk;
    if (this.#to === entries.length) return context.isDirty ? context.text() : record.context;
    for (let at = this.#to - 1; at >= -1; at--) if (contexts.has(at)) return contexts.get(at);
    return undefined;
  }
}

/** An item as JSON, or, when it is none, as the text that names it. */
function itemText(item: unknown): string | undefined {
  if (item === undefined) return undefined;
  try {
    const text = JSON.stringify(item, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) as
      | string
      | undefined;
    return text ?? JSON.stringify(String(item));
  } catch (error) {
    return JSON.stringify(`${String(item)} (no JSON: ${String(error)})`);
  }
}
