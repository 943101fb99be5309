import { MillraceError } from '../../base/errors.ts';
import { failureInfo } from '../definition/failure-info.ts';
import type { AnyJob } from '../definition/job.ts';
import { jsonText } from '../definition/json-text.ts';
import type { Logger } from '../definition/logger.ts';
import type { Partition } from '../definition/step-context.ts';
import type { AnyContext, ChunkBody, StepBody, StepDefinition } from '../definition/step-definition.ts';
import type { StepStores } from '../items/file-systems.ts';
import { decideOnError } from '../policies/classification.ts';
import { retryRule, waitAfterErrorMs } from '../policies/retry-delay.ts';
import { sleepUnlessAborted } from '../policies/system-clock.ts';
import type { AttemptRecord, EventRecord, StepInstanceRecord, StepRecord } from '../repository/execution-records.ts';
import { runDataset } from './dataset-scope.ts';
import { ExecutionState } from './execution-state.ts';
import { Interruption } from './interruption.ts';
import { historyKey, isLeaseLost, type JobRun } from './job-run.ts';
import { newStep, skippedStep } from './step-records.ts';

const mostResultBytes = 64 * 1024;

/** The body of a chunk step. Given from outside, for it knows its step. */
export type RunChunks = (step: StepRun, body: ChunkBody, c: AnyContext, context: ExecutionState) => Promise<void>;

/** One step of a running job, from its `if` to its stored end. */
export class StepRun {
  readonly job: JobRun;
  readonly definition: StepDefinition;
  readonly interruption: Interruption;
  record: StepRecord;
  instance: StepInstanceRecord | undefined;
  readonly #isReplayable: boolean;
  #exitCode: string | undefined;
  #isStoppedForOthers = false;

  readonly #runChunks: RunChunks;

  constructor(job: JobRun, definition: StepDefinition, position: number, isReplayable: boolean, runChunks: RunChunks) {
    this.#runChunks = runChunks;
    this.job = job;
    this.definition = definition;
    this.interruption = new Interruption(job.interruption);
    this.#isReplayable = isReplayable;
    this.record = newStep(job.launched.executionId, definition.name, position, undefined, job.now());
  }

  /** How messages begin. */
  get what(): string {
    return `job "${this.job.definition.name}", step "${this.definition.name}"`;
  }

  stopForFailFast(): void {
    this.#isStoppedForOthers = true;
    this.interruption.interrupt(
      'stop',
      new MillraceError('MR_ABORTED', `${this.what}: stopped, for another step failed.`),
    );
  }

  async run(): Promise<StepRecord | undefined> {
    const { job, definition } = this;
    job.runningSteps.add(this);
    const callOff = this.interruption.after(
      definition.timeoutMs,
      'stepTimeout',
      () =>
        new MillraceError(
          'MR_STEP_TIMEOUT',
          `${this.what}: ran longer than its timeoutMs of ${definition.timeoutMs}. Raise it, or find what is slow.`,
        ),
    );
    try {
      return await this.#run();
    } finally {
      callOff();
      job.runningSteps.delete(this);
      this.interruption.release();
    }
  }

  async #run(): Promise<StepRecord | undefined> {
    const { job, definition, record } = this;
    const { host, launched } = job;
    const context = this.#openContext(record, undefined);
    const c = this.context(record, context, undefined);
    let refused: unknown;
    try {
      if (definition.condition !== undefined && !(await this.#condition(c))) {
        const at = job.now();
        const skipped = skippedStep(launched.executionId, definition.name, record.position, at, { kind: 'condition' });
        const event: EventRecord = { kind: 'stepSkipped', at, stepName: definition.name, status: 'SKIPPED' };
        await job.fenced(() => host.store.insertSteps(launched, launched.jobName, [skipped], [event]));
        job.steps.set(definition.name, skipped);
        job.emit(event);
        return skipped;
      }
    } catch (error) {
      if (isLeaseLost(error)) throw error;
      refused = error;
    }
    // A stop that came while the condition was asked: nothing more is started.
    if (this.interruption.kind === 'stop' || this.interruption.kind === 'drained') return undefined;
    record.startTime = job.now();
    const event: EventRecord = {
      kind: 'stepStarted',
      at: record.startTime,
      stepName: definition.name,
      status: 'STARTED',
    };
    const startLimit = definition.startLimit;
    this.instance = await host.store.startStep(launched, launched, record, startLimit, event);
    if (this.instance === undefined) {
      const error = new MillraceError(
        'MR_START_LIMIT_EXCEEDED',
        `${this.what}: has started ${startLimit} times in this instance, as often as its startLimit allows. Raise it, or launch with force: true.`,
      );
      this.cause = error;
      job.causes.set(definition.name, error);
      Object.assign(record, { status: 'FAILED', exitCode: 'FAILED', failure: failureInfo(error), endTime: job.now() });
      await job.fenced(() => host.store.insertSteps(launched, launched.jobName, [record], []));
      job.steps.set(definition.name, record);
      return record;
    }
    job.steps.set(definition.name, record);
    job.emit(event);
    try {
      if (refused !== undefined) throw refused;
      await this.#body(definition.body, c, context);
    } catch (error) {
      if (isLeaseLost(error)) throw error;
      this.fail(error);
    }
    await this.#end(context);
    return record;
  }

  async #condition(c: AnyContext): Promise<boolean> {
    const { job, definition } = this;
    const { launched, host } = job;
    const stored = job.stepInstances.get(definition.name)?.decision;
    if (stored !== undefined && this.#isReplayable) return stored;
    const decision = Boolean(await this.interruption.guard(definition.condition?.(c)));
    await job.fenced(() =>
      host.store.saveDecision(launched, launched.instanceId, launched.generation, definition.name, decision),
    );
    return decision;
  }

  async #body(body: StepBody, c: AnyContext, context: ExecutionState): Promise<void> {
    switch (body.kind) {
      case 'chunk':
        return this.#runChunks(this, body, c, context);
      case 'task':
        return this.#attempts(body, context, (attempt) =>
          body.run(this.context(this.record, context, undefined, attempt)),
        );
      case 'dataset':
        this.record.guarantee = 'idempotent';
        return this.#attempts(body, context, (attempt) =>
          this.#dataset(body.run, this.context(this.record, context, undefined, attempt)),
        );
      case 'nested':
        return this.#attempts(body, context, (attempt) =>
          this.#nested(body.child as AnyJob, body.parameters, this.context(this.record, context, undefined, attempt)),
        );
    }
  }

  async #dataset(run: (sc: never, c: AnyContext) => unknown, c: AnyContext): Promise<unknown> {
    const sc = await this.job.host.engine.get();
    const pool = `${c.jobName}/${c.stepName}`;
    const { value, counts } = await runDataset(sc, this.what, pool, this.interruption.signal, () =>
      run(sc as never, c),
    );
    this.record.counts.read += counts.read;
    this.record.counts.write += counts.write;
    return value;
  }

  /** Calls `work` until it succeeds, each try stored (ST-63, ST-67). */
  async #attempts(
    body: Exclude<StepBody, { kind: 'chunk' }>,
    context: ExecutionState,
    work: (attempt: number) => unknown,
  ): Promise<void> {
    const { job, record, interruption } = this;
    const { clock } = job.host;
    const rule = retryRule(body.retry.options);
    const rules = { retry: body.retry.errors, rule, skip: [] };
    const pending = job.history.get(historyKey(record.name, undefined))?.pendingAttempt;
    let attempt = 1;
    if (pending !== undefined) {
      attempt = pending.attempt + 1;
      if (!(await this.#wait(Math.max(0, pending.nextAt - clock.now())))) return;
    }
    for (; ; attempt++) {
      if (attempt > 1) record.counts.retry += 1;
      const startedAt = job.now();
      const tried = (outcome: Pick<AttemptRecord, 'status' | 'error' | 'waitMs' | 'nextAt'>): AttemptRecord => {
        const durationMs = Math.max(0, job.now() - startedAt);
        const made = { stepExecutionId: record.id, attempt, startedAt, durationMs, ...outcome };
        job.attempts.set(record.id, [...(job.attempts.get(record.id) ?? []), made]);
        return made;
      };
      try {
        const value = await interruption.guard(work(attempt));
        if (interruption.isHard) throw interruption.error;
        record.result = resultText(value, this.what);
        this.#lastAttempt = tried({ status: 'success', error: undefined, waitMs: 0, nextAt: undefined });
        record.status = 'COMPLETED';
        return;
      } catch (error) {
        if (isLeaseLost(error)) throw error;
        const decision = interruption.isHard
          ? 'end'
          : decideOnError(judged(error), rules, { attempt, skippedSoFar: 0, isAborted: interruption.signal.aborted });
        if (decision !== 'retry') {
          this.#lastAttempt = tried({ status: 'failed', error: failureInfo(error), waitMs: 0, nextAt: undefined });
          context.reset(record.context);
          this.fail(error);
          return;
        }
        const waitMs = waitAfterErrorMs(rule, attempt - 1, error, job.host.random);
        context.reset(record.context);
        const made = tried({ status: 'failed', error: failureInfo(error), waitMs, nextAt: clock.now() + waitMs });
        await job.fenced(() => job.host.store.updateStep(job.launched, record, { attempt: made }));
        job.emit({ kind: 'retryScheduled', at: job.now(), stepName: record.name, attempt, delayMs: waitMs });
        this.probe('beforeBackoff');
        if (!(await this.#wait(waitMs))) return;
      }
    }
  }

  #lastAttempt: AttemptRecord | undefined;

  async #wait(ms: number): Promise<boolean> {
    try {
      if (ms > 0) await sleepUnlessAborted(this.job.host.clock, ms, this.interruption.signal);
      if (!this.interruption.signal.aborted) return true;
      this.fail(this.interruption.error);
    } catch (error) {
      this.fail(error);
    }
    return false;
  }

  async #nested(child: AnyJob, parameters: (c: AnyContext) => unknown, c: AnyContext): Promise<unknown> {
    const given = ((await parameters(c)) ?? {}) as object;
    const run = await this.job.host.launchChild(child, given, this.record.id);
    const stop = (): void =>
      void run
        .stop()
        .catch((error: unknown) => this.log().warn(`the nested job could not be stopped: ${String(error)}`));
    if (this.interruption.signal.aborted) stop();
    else this.interruption.signal.addEventListener('abort', stop, { once: true });
    try {
      const ended = await run.finished();
      if (ended.status === 'COMPLETED') return { executionId: ended.id };
      if (ended.status === 'STOPPED') {
        this.interruption.interrupt(
          'stop',
          new MillraceError('MR_ABORTED', `${this.what}: its job "${ended.jobName}" was stopped.`),
        );
        throw this.interruption.error;
      }
      throw new MillraceError(
        'MR_JOB_NOT_COMPLETED',
        `${this.what}: its job "${ended.jobName}" ended ${ended.status}: ${ended.failure?.message ?? ended.exitCode}`,
        { cause: run.cause() ?? ended.failure, details: { executionId: ended.id } },
      );
    } finally {
      this.interruption.signal.removeEventListener('abort', stop);
    }
  }

  /** How an error ends the step: FAILED, or STOPPED after a stop. */
  fail(thrown: unknown): void {
    const { record, interruption } = this;
    const { kind } = interruption;
    if (kind === 'leaseLost') throw interruption.error;
    if (kind === 'stop' || kind === 'drained') {
      record.status = 'STOPPED';
      return;
    }
    const error = kind === undefined ? thrown : interruption.error;
    this.cause = error;
    record.status = 'FAILED';
    record.failure = failureInfo(error);
  }

  /** The error itself, while its process lives. */
  cause: unknown;

  async #end(context: ExecutionState): Promise<void> {
    const { job, record, definition } = this;
    const body = definition.body;
    record.endTime = job.now();
    record.exitCode = this.#exitCode ?? record.status;
    if (context.isDirty || record.context !== undefined) record.context = context.text();
    context.end();
    if (body.kind === 'chunk') await this.#afterStep(body.listeners);
    if (record.status === 'FAILED') job.causes.set(definition.name, this.cause);
    const event: EventRecord = { kind: 'stepEnded', at: record.endTime, stepName: record.name, status: record.status };
    const jobContext = job.jobContext.isDirty ? job.jobContext.text() : undefined;
    const { version } = job.jobContext;
    await job.fenced(() =>
      job.host.store.updateStep(job.launched, record, {
        jobName: job.launched.jobName,
        event,
        attempt: this.#lastAttempt,
        jobContext,
      }),
    );
    if (jobContext !== undefined) job.jobContext.stored(version);
    job.emit({ ...event, counts: { ...record.counts } });
  }

  async #afterStep(listeners: readonly { afterStep?(e: never): void | Promise<void> }[]): Promise<void> {
    for (const listener of listeners) {
      try {
        await this.interruption.guard(listener.afterStep?.(this.job.stepSnapshot(this.definition.name) as never));
      } catch (error) {
        if (this.record.status === 'COMPLETED') {
          this.record.status = 'FAILED';
          this.record.exitCode = this.#exitCode ?? 'FAILED';
          this.record.failure = failureInfo(error);
          this.record.result = undefined;
          this.cause = error;
        }
      }
    }
  }

  probe(point: Parameters<JobRun['host']['probe']>[0], partition?: number, firstIndex?: number): void {
    this.job.host.probe(point, {
      executionId: this.record.executionId,
      stepName: this.record.name,
      ...(partition === undefined ? {} : { partition }),
      ...(firstIndex === undefined ? {} : { firstIndex }),
    });
  }

  log(): Logger {
    return this.job.host.logger;
  }

  /** The state that an earlier execution left, and a restart goes on with. */
  #openContext(record: StepRecord, partition: number | undefined): ExecutionState {
    return this.openContext(record, partition);
  }

  /** Whether this run goes on where an earlier one stopped, and does not begin anew. */
  isContinued(earlier: StepRecord): boolean {
    return earlier.status !== 'COMPLETED' && this.definition.restart === 'fromCheckpoint';
  }

  openContext(record: StepRecord, partition: number | undefined): ExecutionState {
    const { job } = this;
    const earlier = job.history.get(historyKey(record.name, partition))?.record;
    if (earlier !== undefined && this.isContinued(earlier)) {
      record.context = earlier.context;
      record.checkpoint = earlier.checkpoint;
      record.checkpointVersion = earlier.checkpointVersion;
    }
    return new ExecutionState(this.what, record.context, async (text) => {
      record.context = text;
      await job.fenced(() => job.host.store.updateStep(job.launched, record));
    });
  }

  /** What the step's functions see. */
  context(
    record: StepRecord,
    context: ExecutionState,
    partition: Partition | undefined,
    attempt = 1,
    interruption: Interruption = this.interruption,
  ): AnyContext {
    const { job, what } = this;
    const { launched, host } = job;
    const made: AnyContext & StepStores = {
      get fileSystems() {
        return host.engine.fileSystems;
      },
      parameters: job.parameters,
      ...(partition === undefined ? {} : { partition }),
      attempt,
      isRestart: launched.previous !== undefined,
      createTime: new Date(launched.instanceTime),
      jobName: launched.jobName,
      stepName: record.name,
      instanceId: launched.instanceId,
      executionId: launched.executionId,
      stepExecutionId: record.id,
      signal: interruption.signal,
      log: host.logger,
      dataSource: host.dataSource,
      context,
      jobContext: job.jobContext,
      result: (name) => {
        const step = job.steps.get(String(name));
        if (step?.status === 'COMPLETED') return step.result === undefined ? null : JSON.parse(step.result);
        throw new MillraceError(
          'MR_NO_RESULT',
          `${what}: step "${String(name)}" has no result, for it is ${step?.status ?? 'not begun'} in this execution. Run after it, with when: 'allSucceeded'.`,
        );
      },
      step: (name) => job.stepSnapshot(String(name)),
      setExitCode: (code) => {
        if (typeof code !== 'string' || code.includes('\0')) {
          throw new MillraceError(
            'MR_OPTION_INVALID',
            `${what}: an exit code is text without NUL characters, got ${JSON.stringify(code)}.`,
          );
        }
        this.#exitCode = code;
      },
      millrace: () => host.engine.get(),
    };
    return made;
  }

  get isStoppedForOthers(): boolean {
    return this.#isStoppedForOthers;
  }
}

/** What the lists of a nested job speak of is the error inside it; that it did not complete is only how we say so. */
function judged(error: unknown): unknown {
  if (!(error instanceof MillraceError && error.code === 'MR_JOB_NOT_COMPLETED')) return error;
  return Object.assign(new Error(error.message, { cause: error.cause }), { code: error.code });
}

/** JSON of a step's result; nothing is null. @throws {MillraceError} MR_NOT_JSON, MR_RESULT_TOO_LARGE (ST-208) */
function resultText(value: unknown, what: string): string {
  const text = value === undefined ? 'null' : jsonText(value, `${what}: its result`);
  const bytes = Buffer.byteLength(text);
  if (bytes <= mostResultBytes) return text;
  throw new MillraceError(
    'MR_RESULT_TOO_LARGE',
    `${what}: its result takes ${bytes} bytes, and may take ${mostResultBytes}. Write it to a file or table and return its name.`,
    { details: { bytes } },
  );
}
