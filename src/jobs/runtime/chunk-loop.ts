import { MillraceError } from '../../base/errors.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { ItemSink } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { AnyContext, ChunkBody } from '../definition/step-definition.ts';
import { IterableFailure } from '../items/iterable-reader.ts';
import { joinsTransaction, type MarkedSink, type SinkStart } from '../items/sink-seams.ts';
import type { StepRecord } from '../repository/execution-records.ts';
import { ChunkAttempt } from './chunk-attempt.ts';
import { ChunkFaults } from './chunk-faults.ts';
import { ChunkInput } from './chunk-input.ts';
import { ChunkItems } from './chunk-items.ts';
import { ChunkWriting } from './chunk-writing.ts';
import type { ExecutionState } from './execution-state.ts';
import { historyKey } from './job-run.ts';
import { type LoopState, type OpenChunk, Skipped, type SkipTally, type StepCheckpoint } from './open-chunk.ts';
import type { StepRun } from './step-run.ts';

/** Reads, processes and commits chunk after chunk: the algorithm of ST-30, for a step or one partition. */
export class ChunkLoop implements LoopState {
  readonly step: StepRun;
  readonly body: ChunkBody;
  readonly record: StepRecord;
  readonly context: ExecutionState;
  readonly partition: number | undefined;
  readonly tally: SkipTally;
  readonly c: AnyContext;
  readonly isTransactional: boolean;
  readonly keyPrefix: string;
  readonly pending: { rollback: number; retry: number } = { rollback: 0, retry: 0 };
  checkpoint: StepCheckpoint | undefined;
  #progressAt = 0;
  readonly #reader: ItemReader<unknown>;
  readonly #faults: ChunkFaults;
  readonly #items: ChunkItems;
  readonly #writing: ChunkWriting;

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
    this.isTransactional = joinsTransaction(body.writer, host.dataSource);
    this.keyPrefix = `${launched.instanceId}/${launched.generation}/${record.name}/${partition ?? 0}`;
    this.#faults = new ChunkFaults(this, body);
    this.#items = new ChunkItems(this, this.#faults);
    this.#writing = new ChunkWriting(this, this.#faults);
  }

  /** The limit of skips; a policy replaces it. */
  get skipLimit(): number {
    return this.body.skipPolicy === undefined ? this.body.skipLimit : Number.POSITIVE_INFINITY;
  }

  /** Step and partition, for events. */
  get where(): { readonly stepName: string; readonly partition?: number } {
    return { stepName: this.record.name, ...(this.partition === undefined ? {} : { partition: this.partition }) };
  }

  /** To the end of the input, or to an error that ends the step. */
  async run(): Promise<void> {
    const { interruption } = this.step;
    this.checkpoint = this.#earlierCheckpoint();
    let stream: ItemStream<unknown> | undefined;
    let sink: ItemSink<never> | undefined;
    try {
      sink = await this.#openSink();
      this.#checkOpened('writer', sink, ['write']);
      await this.#adoptMarker(sink);
      const { checkpoint } = this;
      stream = await interruption.guard(this.#reader.open(checkpoint?.position, this.c));
      this.#checkOpened('reader', stream, ['read', 'position']);
      const input = new ChunkInput(stream, this.body.fetchSize, checkpoint?.index ?? 0, this.step.what);
      if (checkpoint !== undefined && checkpoint.drop > 0) await this.#drop(input, checkpoint.drop);
      let ends = checkpoint?.ranges ?? [];
      do {
        if (interruption.signal.aborted) throw interruption.error;
        if (!(await this.#chunk(input, sink, stream, ends))) break;
        ends = [];
      } while (input.hasItems || !input.isEnd);
      await this.#publish(sink, input);
      if (interruption.isHard) throw interruption.error;
    } finally {
      this.record.counts.rollback += this.pending.rollback;
      this.record.counts.retry += this.pending.retry;
      await this.#close(stream);
      await this.#close(sink);
    }
  }

  /** @throws {MillraceError} MR_JOB_DEFINITION when a user's reader or writer opens what is none */
  #checkOpened(which: string, opened: unknown, methods: readonly string[]): void {
    const missing = methods.find((name) => typeof (opened as never)?.[name] !== 'function');
    if (missing === undefined) return;
    throw new MillraceError(
      'MR_JOB_DEFINITION',
      `${this.step.what}: what open() of its ${which} returned has no ${missing}(). Return an object with ${methods.join(' and ')}.`,
    );
  }

  /** Stores what the published output will be known by, then lets the sink publish: a crash in between repeats nothing. */
  async #publish(sink: ItemSink<never>, input: ChunkInput): Promise<void> {
    const { step, partition, record } = this;
    const { job } = step;
    if (sink.state !== undefined) {
      const { checkpoint = { ...input.place, index: input.index } } = this;
      const text = JSON.stringify({ ...checkpoint, sink: sink.state() });
      if (text !== record.checkpoint) {
        record.checkpoint = text;
        record.checkpointVersion = step.definition.version;
        await job.fenced(() => job.host.store.saveProgress(job.launched, record));
      }
    }
    step.probe('beforePublish', partition);
    job.checkLease();
    await step.interruption.guard(sink.publish?.());
    step.probe('afterPublish', partition);
  }

  async #close(thing: { close?(): void | Promise<void> } | undefined): Promise<void> {
    try {
      await this.step.interruption.guardWait(thing?.close?.());
    } catch (error) {
      this.step.log().warn(`${this.step.what}: closing failed: ${String(error)}`, { error });
    }
  }

  async #openSink(): Promise<ItemSink<never>> {
    const { step, body, record, checkpoint } = this;
    const { launched, history } = step.job;
    const earlier = history.get(historyKey(record.name, this.partition))?.record;
    const isOrphan = earlier?.exitCode === 'ORPHANED';
    if (isOrphan && body.writer.guarantee === 'atLeastOnce') {
      const from = checkpoint?.index ?? 0;
      record.inDoubt = { from, to: from + body.size };
    }
    const isWhole = history.get(historyKey(record.name, undefined))?.record.status === 'COMPLETED';
    const lastState = earlier === undefined || isWhole ? undefined : sinkStateOf(earlier);
    const start: SinkStart = {
      c: this.c as never,
      ...(checkpoint?.sink === undefined ? {} : { state: checkpoint.sink }),
      ...(lastState === undefined ? {} : { lastState }),
      key: this.keyPrefix,
      fence: launched.fence,
      isCleanRestart: earlier !== undefined && !isOrphan && launched.previous?.isOrphan !== true,
      isFromStart: earlier !== undefined && !step.isContinued(earlier),
    };
    return step.interruption.guard(body.writer.open(start as never));
  }

  /** A sink in another database may be ahead of the repository: its marker says what the lost commit would have. */
  async #adoptMarker(sink: ItemSink<never>): Promise<void> {
    const { marker } = sink as Partial<MarkedSink<never>>;
    if (marker === undefined) return;
    const found = await marker.call(sink);
    if (found === undefined || found.index <= (this.checkpoint?.index ?? 0)) return;
    await new ChunkAttempt(this, openChunk(found.index, undefined), sink, { from: 0, to: 0 }, []).adopt(found.record);
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

  /** Reads again what an earlier run had resolved of a batch (ST-200). */
  async #drop(input: ChunkInput, count: number): Promise<void> {
    for (let left = count, attempt = 1; left > 0; ) {
      try {
        left -= await this.step.interruption.guard(input.drop(left));
        attempt = 1;
      } catch (error) {
        if (this.#faults.decideOnRead(error, attempt, 0) !== 'retry') throw ofIterable(error);
        await this.#faults.backoff('read', attempt++, error);
      }
    }
  }

  /**
   * One chunk.
   *
   * @param ends of the ranges of a scan that an earlier run began: the chunk is what is left of it
   * @returns false when there was nothing to read
   */
  async #chunk(
    input: ChunkInput,
    sink: ItemSink<never>,
    stream: ItemStream<unknown>,
    ends: readonly number[],
  ): Promise<boolean> {
    const firstIndex = input.index;
    const { size, listeners } = this.body;
    for (const listener of listeners) {
      if (listener.beforeChunk) await this.step.interruption.guard(listener.beforeChunk({ firstIndex, size }));
    }
    const chunk = openChunk(firstIndex, this.record.context);
    try {
      await this.#read(input, chunk, ends.at(-1));
      if (chunk.entries.length === 0) return false;
      this.step.probe('afterRead', this.partition, firstIndex);
      await this.#items.process(chunk);
      this.step.probe('afterProcess', this.partition, firstIndex);
      await this.#writing.write(chunk, sink, ends);
    } catch (error) {
      this.context.reset(this.record.context);
      throw error;
    }
    this.#tellProgress(stream);
    return true;
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

  /** Fills the chunk with `size` items, or up to input index `until`. */
  async #read(input: ChunkInput, chunk: OpenChunk, until: number | undefined): Promise<void> {
    const { size } = this.body;
    let items = 0;
    let skips = 0;
    let attempt = 1;
    const left = (): number => (until === undefined ? size - items : until - input.index);
    while (left() > 0 && (input.hasItems || !input.isEnd)) {
      if (input.hasItems) {
        items += input.take(left(), chunk.entries);
        while (chunk.outcomes.length < chunk.entries.length) chunk.outcomes.push([]);
        continue;
      }
      if (this.step.interruption.isHard) throw this.step.interruption.error;
      try {
        const fetched = input.fetch();
        if (fetched instanceof Promise) await this.step.interruption.guardWait(fetched);
        attempt = 1;
      } catch (error) {
        const decision = this.#faults.decideOnRead(error, attempt, skips);
        if (decision === 'retry') {
          await this.#faults.backoff('read', attempt++, error);
          continue;
        }
        if (decision !== 'skip') throw ofIterable(error);
        attempt = 1;
        skips += 1;
        chunk.entries.push(input.skipRecord(error));
        chunk.outcomes.push(new Skipped('read', error));
        if (this.tally.committed + skips > this.skipLimit) return;
      }
    }
  }
}

function openChunk(firstIndex: number, context: string | undefined): OpenChunk {
  return { firstIndex, entries: [], outcomes: [], contexts: new Map([[-1, context]]), told: new Set() };
}

/** What an iterable threw, as it threw it. */
function ofIterable(error: unknown): unknown {
  return error instanceof IterableFailure ? error.cause : error;
}

function sinkStateOf({ checkpoint }: StepRecord): JsonValue | undefined {
  return checkpoint === undefined ? undefined : (JSON.parse(checkpoint) as StepCheckpoint).sink;
}
