import { MillraceError } from '../../base/errors.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { ItemSink } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { AnyContext, ChunkBody, StepListener } from '../definition/step-definition.ts';
import { IterableFailure } from '../items/iterable-reader.ts';
import { joinsTransaction, type MarkedSink, type SinkStart } from '../items/sink-seams.ts';
import { decideOnError, type ErrorDecision, type FaultRules } from '../policies/classification.ts';
import { retryRule, waitAfterErrorMs } from '../policies/retry-delay.ts';
import { sleepUnlessAborted } from '../policies/system-clock.ts';
import type { StepRecord } from '../repository/execution-records.ts';
import { isTransientSqlError } from '../repository/sql/transient-error.ts';
import { ChunkAttempt, type MarkerRecord } from './chunk-attempt.ts';
import { ChunkInput, type InputEntry } from './chunk-input.ts';
import { type Outputs, type ProcessItem, processorOf } from './chunk-processor.ts';
import type { ExecutionState } from './execution-state.ts';
import { historyKey } from './job-run.ts';
import { type LoopState, type OpenChunk, Skipped, type SkipTally, type StepCheckpoint } from './open-chunk.ts';
import type { StepRun } from './step-run.ts';

/** A failed attempt of a range. */
interface AttemptFailure {
  readonly error: unknown;
  /** Whether the sink's write failed; else the commit around it did. */
  readonly isWrite: boolean;
}

/** Reads, processes and commits chunk after chunk: the algorithm of ST-30, for a step or one partition. */
export class ChunkLoop implements LoopState {
  readonly step: StepRun;
  readonly body: ChunkBody;
  readonly record: StepRecord;
  readonly context: ExecutionState;
  readonly partition: number | undefined;
  readonly tally: SkipTally;
  readonly c: AnyContext;
  readonly rules: FaultRules;
  readonly isTransactional: boolean;
  readonly keyPrefix: string;
  /** Failed attempts and further tries that no commit has counted yet. */
  readonly pending: { rollback: number; retry: number } = { rollback: 0, retry: 0 };
  checkpoint: StepCheckpoint | undefined;
  #progressAt = 0;
  readonly #reader: ItemReader<unknown>;
  readonly #process: ProcessItem;
  readonly #listeners: readonly StepListener[];

  constructor(
    step: StepRun,
    body: ChunkBody,
    reader: ItemReader<unknown>,
    record: StepRecord,
    c: AnyContext,
    context: ExecutionState,
    partition: number | undefined,
    tally: SkipTally,
  ) {
    const { launched, host } = step.job;
    this.step = step;
    this.body = body;
    this.record = record;
    this.c = c;
    this.context = context;
    this.partition = partition;
    this.tally = tally;
    this.#reader = reader;
    this.#listeners = body.listeners;
    this.#process = processorOf(body.stages, step.what);
    this.isTransactional = joinsTransaction(body.writer, host.dataSource);
    this.keyPrefix = `${launched.instanceId}/${launched.generation}/${record.name}/${partition ?? 0}`;
    this.rules = {
      retry: body.retry.errors,
      rule: retryRule(body.retry.options),
      skip: body.skip,
      skipPolicy: body.skipPolicy,
      classify: body.classify,
    };
  }

  /** The limit of skips; a policy replaces it. */
  get skipLimit(): number {
    return this.body.skipPolicy === undefined ? this.body.skipLimit : Number.POSITIVE_INFINITY;
  }

  /** To the end of the input, or to an error that ends the step. */
  async run(): Promise<void> {
    this.checkpoint = this.#earlierCheckpoint();
    let stream: ItemStream<unknown> | undefined;
    let sink: ItemSink<never> | undefined;
    try {
      sink = await this.#openSink();
      await this.#adoptMarker(sink);
      const { checkpoint } = this;
      stream = await this.step.interruption.guard(this.#reader.open(checkpoint?.position, this.c));
      const input = new ChunkInput(stream, this.body.fetchSize, checkpoint?.index ?? 0, this.step.what);
      if (checkpoint !== undefined && checkpoint.drop > 0) await input.drop(checkpoint.drop);
      while (await this.#chunk(input, sink, stream)) {
        if (this.step.interruption.signal.aborted) throw this.step.interruption.error;
      }
      this.step.probe('beforePublish', this.partition);
      this.step.job.checkLease();
      await this.step.interruption.guard(sink.publish?.());
      this.step.probe('afterPublish', this.partition);
      if (this.partition !== undefined && sink.state !== undefined && this.checkpoint !== undefined) {
        this.checkpoint = { ...this.checkpoint, sink: sink.state() };
        this.record.checkpoint = JSON.stringify(this.checkpoint);
      }
      if (this.step.interruption.isHard) throw this.step.interruption.error;
    } finally {
      this.record.counts.rollback += this.pending.rollback;
      this.record.counts.retry += this.pending.retry;
      await this.#close(stream);
      await this.#close(sink);
    }
  }

  async #close(thing: { close?(): void | Promise<void> } | undefined): Promise<void> {
    try {
      await this.step.interruption.guard(thing?.close?.());
    } catch (error) {
      this.step.log().warn(`${this.step.what}: closing failed: ${String(error)}`, { error });
    }
  }

  async #openSink(): Promise<ItemSink<never>> {
    const { step, body, record, checkpoint } = this;
    const { launched, history } = step.job;
    const earlier = history.get(historyKey(record.name, this.partition))?.record;
    const isOrphan = earlier?.exitCode === 'ORPHANED';
    if (isOrphan && checkpoint !== undefined && body.writer.guarantee === 'atLeastOnce') {
      record.inDoubt = { from: checkpoint.index, to: checkpoint.index + body.size };
    } else if (isOrphan && body.writer.guarantee === 'atLeastOnce' && step.definition.restart === 'fromCheckpoint') {
      record.inDoubt = { from: 0, to: body.size };
    }
    const start: SinkStart = {
      c: this.c as never,
      ...(checkpoint?.sink === undefined ? {} : { state: checkpoint.sink }),
      key: this.keyPrefix,
      fence: launched.fence,
      isCleanRestart: earlier !== undefined && !isOrphan && launched.previous?.isOrphan !== true,
      isFromStart: checkpoint === undefined && (earlier !== undefined || launched.generation > 1),
    };
    return step.interruption.guard(body.writer.open(start as never));
  }

  /** A sink in another database may be ahead of the repository: its marker says what the lost commit would have. */
  async #adoptMarker(sink: ItemSink<never>): Promise<void> {
    const { marker } = sink as Partial<MarkedSink<never>>;
    if (marker === undefined) return;
    const found = await marker.call(sink);
    if (found === undefined || found.index <= (this.checkpoint?.index ?? 0)) return;
    await ChunkAttempt.adopt(this, found.record as unknown as MarkerRecord);
  }

  #earlierCheckpoint(): StepCheckpoint | undefined {
    const { record, step } = this;
    if (record.checkpoint === undefined) return undefined;
    const { version, migrate } = step.definition;
    const stored = JSON.parse(record.checkpoint) as StepCheckpoint;
    const from = record.checkpointVersion ?? 1;
    if (from === version) return stored;
    if (migrate === undefined) {
      throw new MillraceError(
        'MR_CHECKPOINT_VERSION',
        `${step.what}: its checkpoint has version ${from}, the step now ${version}. Give the step a migrate function, or launch with force: true.`,
        { details: { from, to: version } },
      );
    }
    return migrate(stored as unknown as JsonValue, from) as unknown as StepCheckpoint;
  }

  /** One chunk. @returns false at the end of the input */
  async #chunk(input: ChunkInput, sink: ItemSink<never>, stream: ItemStream<unknown>): Promise<boolean> {
    const firstIndex = input.index;
    const { size } = this.body;
    for (const listener of this.#listeners) {
      if (listener.beforeChunk) await this.step.interruption.guard(listener.beforeChunk({ firstIndex, size }));
    }
    const chunk: OpenChunk = { firstIndex, entries: [], outcomes: [], contexts: new Map(), told: new Set() };
    chunk.contexts.set(-1, this.record.context);
    await this.#read(input, chunk);
    if (chunk.entries.length === 0) return false;
    this.step.probe('afterRead', this.partition, firstIndex);
    try {
      await this.#processAll(chunk);
      this.step.probe('afterProcess', this.partition, firstIndex);
      await this.#writeAll(chunk, sink);
    } catch (error) {
      this.context.reset(this.record.context);
      throw error;
    }
    this.#tellProgress(stream);
    return !(input.isEnd && !input.hasItems);
  }

  #tellProgress(stream: ItemStream<unknown>): void {
    const now = performance.now();
    if (stream.progress === undefined || now - this.#progressAt < 250) return;
    this.#progressAt = now;
    const { job } = this.step;
    if (!job.host.hub.hears('progress')) return;
    job.emit({
      kind: 'progress',
      at: job.now(),
      ...this.where,
      counts: { ...this.record.counts },
      ...stream.progress(),
    });
  }

  /** Step and partition, for events. */
  get where(): { readonly stepName: string; readonly partition?: number } {
    return { stepName: this.record.name, ...(this.partition === undefined ? {} : { partition: this.partition }) };
  }

  async #read(input: ChunkInput, chunk: OpenChunk): Promise<void> {
    const { size } = this.body;
    let items = 0;
    let skips = 0;
    let attempt = 1;
    while (items < size && !(input.isEnd && !input.hasItems)) {
      if (input.hasItems) {
        items += input.take(size - items, chunk.entries);
        while (chunk.outcomes.length < chunk.entries.length) chunk.outcomes.push([]);
        continue;
      }
      if (this.step.interruption.isHard) throw this.step.interruption.error;
      try {
        const fetched = input.fetch();
        if (fetched instanceof Promise) await this.step.interruption.guard(fetched);
        attempt = 1;
      } catch (error) {
        const decision = this.#decideOnReadError(error, attempt, skips);
        if (decision === 'retry') {
          await this.backoff('read', attempt++, error);
          continue;
        }
        if (decision !== 'skip') throw error instanceof IterableFailure ? error.cause : error;
        attempt = 1;
        skips += 1;
        chunk.entries.push(input.skipRecord(error));
        chunk.outcomes.push(new Skipped('read', error));
        if (this.tally.committed + skips > this.skipLimit) return;
      }
    }
  }

  /** An error to be retried has left the stream where it was: once its tries are used up it cannot be skipped (ST-204). */
  #decideOnReadError(error: unknown, attempt: number, skips: number): ErrorDecision {
    const decision = this.decide(error, attempt, skips);
    if (decision !== 'skip') return decision;
    const rule = { ...this.rules.rule, maxAttempts: Number.POSITIVE_INFINITY, shouldRetry: () => true };
    const situation = { attempt: 1, skippedSoFar: this.tally.committed + skips, isAborted: false };
    return decideOnError(error, { ...this.rules, rule }, situation) === 'retry' ? 'fail' : 'skip';
  }

  decide(error: unknown, attempt: number, openSkips: number): ErrorDecision {
    const { interruption } = this.step;
    if (interruption.isHard) return 'end';
    return decideOnError(error, this.rules, {
      attempt,
      skippedSoFar: this.tally.committed + openSkips,
      isAborted: interruption.signal.aborted,
    });
  }

  async #processAll(chunk: OpenChunk): Promise<void> {
    const { concurrency, stages } = this.body;
    if (stages.length === 0) {
      for (const [at, { item, isReadSkip }] of chunk.entries.entries()) if (!isReadSkip) chunk.outcomes[at] = [item];
      return;
    }
    let skips = chunk.outcomes.filter((outcome) => outcome instanceof Skipped).length;
    if (concurrency > 1) return this.#processConcurrently(chunk, skips);
    let version = this.context.version;
    for (const [at, entry] of chunk.entries.entries()) {
      if (entry.isReadSkip) continue;
      let outcome: Outputs | Skipped;
      try {
        const made = this.#process(entry.item, this.c);
        outcome = made instanceof Promise ? await this.step.interruption.guard(made) : made;
      } catch (error) {
        const tried = await this.#again(entry, withIndex(error, entry.index), skips);
        outcome = tried instanceof Skipped ? this.#skipOrThrow(tried, skips) : tried;
      }
      if (this.step.interruption.isHard) throw this.step.interruption.error;
      if (outcome instanceof Skipped) skips += 1;
      chunk.outcomes[at] = outcome;
      if (this.context.version !== version) {
        version = this.context.version;
        chunk.contexts.set(at, this.context.text());
      }
    }
  }

  async #processConcurrently(chunk: OpenChunk, openSkips: number): Promise<void> {
    const { entries, outcomes } = chunk;
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < entries.length; at = next++) {
        const entry = entries[at];
        if (entry === undefined || entry.isReadSkip || this.step.interruption.isHard) continue;
        try {
          outcomes[at] = await this.step.interruption.guard(this.#process(entry.item, this.c));
        } catch (error) {
          outcomes[at] = await this.#again(entry, withIndex(error, entry.index), openSkips);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.body.concurrency, entries.length) }, worker));
    if (this.step.interruption.isHard) throw this.step.interruption.error;
    // What cannot be processed is decided on in the order of the input, as one at a time would.
    let skips = 0;
    for (const outcome of outcomes) {
      if (!(outcome instanceof Skipped)) continue;
      if (outcome.phase === 'process') this.#skipOrThrow(outcome, skips);
      skips += 1;
    }
    if (this.context.isDirty) chunk.contexts.set(entries.length - 1, this.context.text());
  }

  /** Further tries of an item. @returns its outputs, or the error that is not tried again, to be skipped or thrown */
  async #again(entry: InputEntry, first: unknown, openSkips: number): Promise<Outputs | Skipped> {
    let error = first;
    for (let attempt = 1; ; attempt++) {
      if (!this.#isTriedAgain(error, attempt, openSkips)) return new Skipped('process', error);
      await this.backoff('process', attempt, error, entry.index);
      try {
        const c: AnyContext = { ...this.c, attempt: attempt + 1 };
        return await this.step.interruption.guard(this.#process(entry.item, c));
      } catch (thrown) {
        error = thrown;
      }
    }
  }

  /** Asks nothing of the skip policy, which is asked once an error, in the order of the input. */
  #isTriedAgain(error: unknown, attempt: number, openSkips: number): boolean {
    const { interruption } = this.step;
    if (interruption.isHard) return false;
    const situation = {
      attempt,
      skippedSoFar: this.tally.committed + openSkips,
      isAborted: interruption.signal.aborted,
    };
    return decideOnError(error, { ...this.rules, skip: [], skipPolicy: undefined }, situation) === 'retry';
  }

  #skipOrThrow(skipped: Skipped, openSkips: number): Skipped {
    // The tries are used up: any number will do that is not below the greatest.
    if (this.decide(skipped.error, Number.POSITIVE_INFINITY, openSkips) === 'skip') return skipped;
    throw skipped.error;
  }

  /** The wait before another try, counted and told. */
  async backoff(phase: 'read' | 'process' | 'write', attempt: number, thrown: unknown, index?: number): Promise<void> {
    const { step, record } = this;
    const { job } = step;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
    const delayMs = waitAfterErrorMs(this.rules.rule, attempt - 1, thrown, job.host.random);
    this.pending.retry += 1;
    for (const listener of this.#listeners) {
      if (listener.onRetry) await step.interruption.guard(listener.onRetry({ phase, attempt, delayMs, error }));
    }
    job.emit({
      kind: 'retryScheduled',
      at: job.now(),
      ...this.where,
      phase,
      attempt,
      delayMs,
      ...(index === undefined ? {} : { index }),
    });
    step.probe('beforeBackoff', this.partition, index);
    if (record.status !== 'STARTED') return;
    await sleepUnlessAborted(job.host.clock, delayMs, step.interruption.signal);
  }

  /** The whole chunk in one attempt, or by bisection when a write fails with an error to be skipped (ST-34). */
  async #writeAll(chunk: OpenChunk, sink: ItemSink<never>): Promise<void> {
    await this.#range(chunk, sink, 0, chunk.entries.length, false);
  }

  async #range(chunk: OpenChunk, sink: ItemSink<never>, from: number, to: number, isScan: boolean): Promise<void> {
    const units: number[] = [];
    for (let at = from; at < to; at++) {
      const outcome = chunk.outcomes[at];
      if (!(outcome instanceof Skipped) && outcome !== undefined && outcome.length > 0) units.push(at);
    }
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#attempt(chunk, sink, from, to);
      if (failure === undefined) return this.#afterChunk(chunk.entries[from]?.index ?? chunk.firstIndex);
      const { error, isWrite } = failure;
      const decision = this.#decideOnFailure(failure, attempt, isScan && units.length > 1, openSkips(chunk, from));
      if (decision === 'retry') {
        await this.backoff('write', attempt, error, chunk.entries[from]?.index);
        continue;
      }
      if (decision !== 'skip' || !isWrite || units.length === 0) throw error;
      const [only] = units;
      if (units.length === 1 && only !== undefined) {
        chunk.outcomes[only] = new Skipped('write', error, chunk.outcomes[only]);
        return this.#range(chunk, sink, from, to, true);
      }
      // Filtered and skipped records go with the outputs behind them, the last ones with those before.
      const middle = (units[Math.floor(units.length / 2) - 1] ?? from) + 1;
      this.step.probe('betweenRanges', this.partition, chunk.entries[from]?.index);
      await this.#range(chunk, sink, from, middle, true);
      if (this.step.interruption.isHard) throw this.step.interruption.error;
      this.step.probe('betweenRanges', this.partition, chunk.entries[middle]?.index);
      return this.#range(chunk, sink, middle, to, true);
    }
  }

  async #afterChunk(firstIndex: number): Promise<void> {
    for (const listener of this.#listeners) {
      if (!listener.afterChunk) continue;
      await this.step.interruption.guard(listener.afterChunk({ firstIndex, counts: { ...this.record.counts } }));
    }
  }

  #decideOnFailure(
    { error, isWrite }: AttemptFailure,
    attempt: number,
    splitsAtOnce: boolean,
    skips: number,
  ): ErrorDecision {
    const { rule } = this.rules;
    if (this.step.interruption.isHard) return 'end';
    if (isTransientSqlError(error) && (this.isTransactional || !isWrite)) {
      return attempt < rule.maxAttempts && rule.shouldRetry(attempt, error) && !this.step.interruption.signal.aborted
        ? 'retry'
        : 'fail';
    }
    if (splitsAtOnce) {
      const decision = this.decide(error, Number.POSITIVE_INFINITY, skips);
      if (decision === 'skip') return 'skip';
    }
    return this.decide(error, attempt, skips);
  }

  async #attempt(
    chunk: OpenChunk,
    sink: ItemSink<never>,
    from: number,
    to: number,
  ): Promise<AttemptFailure | undefined> {
    const attempt = new ChunkAttempt(this, chunk, sink, from, to);
    try {
      await attempt.run();
      return undefined;
    } catch (error) {
      await attempt.undo();
      this.pending.rollback += 1;
      const { job } = this.step;
      job.emit({ kind: 'chunkRolledBack', at: job.now(), ...this.where, firstIndex: chunk.entries[from]?.index ?? 0 });
      if (attempt.isFatal) throw error;
      return { error: attempt.timeoutError ?? error, isWrite: attempt.isWriting };
    }
  }
}

/** Skips of the chunk that no commit has counted: those from a place on, for what is before it is committed. */
function openSkips(chunk: OpenChunk, from: number): number {
  return chunk.outcomes.slice(from).filter((outcome) => outcome instanceof Skipped).length;
}

/** A forgotten return is found by the index of its item. */
function withIndex(error: unknown, index: number): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'MR_PROCESSOR_RETURNED_UNDEFINED') return error;
  return new MillraceError(error.code, `${error.message} It was the item of index ${index}.`, { details: { index } });
}
