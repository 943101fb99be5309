import { MillraceError } from '../../base/errors.ts';
import type { BatchStatus } from '../definition/batch-status.ts';
import { type FailureInfo, failureInfo } from '../definition/failure-info.ts';
import type { JobEvent } from '../definition/job-event.ts';
import type { JobExecution, StepExecution } from '../definition/job-execution.ts';
import type { JobDefinition, StepDefinition } from '../definition/step-definition.ts';
import { stepSnapshots } from '../repository/execution-reader.ts';
import type {
  AttemptRecord,
  EventRecord,
  LaunchedExecution,
  StepHistory,
  StepInstanceRecord,
  StepRecord,
} from '../repository/execution-records.ts';
import { leaseLost } from '../repository/execution-store.ts';
import { deepFreeze } from '../repository/snapshots.ts';
import { ExecutionState } from './execution-state.ts';
import { GraphDecisions, type StepDecision, type StepOutcome } from './graph-decisions.ts';
import { Interruption } from './interruption.ts';
import { jobOutcome } from './job-outcome.ts';
import type { RunHost } from './run-host.ts';
import { copiedStep, reusedStep, skippedStep } from './step-records.ts';

const hrtimeMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/**
 * One execution of a job in this process: decides what to run, runs it and stores how it ended.
 *
 * Everything here belongs to one owner; another process may take the execution over at any time, and the store then
 * refuses the next write with MR_LEASE_LOST.
 */
export class JobRun {
  readonly host: RunHost;
  readonly definition: JobDefinition;
  readonly launched: LaunchedExecution;
  /** As steps see them. */
  readonly parameters: object;
  readonly interruption: Interruption = new Interruption();
  readonly jobContext: ExecutionState;
  readonly steps: Map<string, StepRecord> = new Map();
  readonly attempts: Map<string, AttemptRecord[]> = new Map();
  readonly partitions: StepRecord[] = [];
  readonly runningSteps: Set<StoppableStep> = new Set();
  /** The errors of failed steps themselves. */
  readonly causes: Map<string, unknown> = new Map();
  readonly history: Map<string, StepHistory> = new Map();
  readonly stepInstances: Map<string, StepInstanceRecord> = new Map();
  /** When this execution's own lease began, on hrtime. */
  leaseFromMs: number;
  #startTime: number | undefined;
  #lastTime = 0;
  #failures: { readonly step: string; readonly failure: FailureInfo; readonly isAllowed: boolean }[] = [];
  #isCutShort = false;
  #isFailingFast = false;
  #isLost = false;
  #ownFailure: { readonly error: unknown } | undefined;
  #cause: unknown;

  readonly #runStepBody: RunStep;

  constructor(
    host: RunHost,
    definition: JobDefinition,
    launched: LaunchedExecution,
    parameters: object,
    leaseFromMs: number,
    runStep: RunStep,
  ) {
    this.#runStepBody = runStep;
    this.host = host;
    this.definition = definition;
    this.launched = launched;
    this.parameters = parameters;
    this.leaseFromMs = leaseFromMs;
    this.jobContext = new ExecutionState(`job "${definition.name}"`, launched.jobContext, async (text) => {
      await this.fenced(() => host.store.saveJobContext(launched, text));
    });
  }

  /** Time of rows: the injected clock, but never backwards (ST-3). */
  now(): number {
    this.#lastTime = Math.max(this.#lastTime, this.launched.createTime, Math.round(this.host.clock.now()));
    return this.#lastTime;
  }

  /** A step that has begun, as it stands in this process. */
  stepSnapshot(name: string): StepExecution | undefined {
    const record = this.steps.get(name);
    if (record === undefined) return undefined;
    const parts = this.partitions.filter((part) => part.name === name);
    const [snapshot] = stepSnapshots([record, ...parts], (id) => this.attempts.get(id) ?? []);
    return deepFreeze(snapshot);
  }

  /** The error that failed the job, as it was thrown, when it was thrown here. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Runs to the end. Resolves when the end is stored, or is another's to store. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      if (!isLeaseLost(error)) throw error;
      await this.lose();
    }
  }

  /** Asked for by a stop that is stored already. */
  stop(): void {
    this.interruption.interrupt(
      'stop',
      new MillraceError(
        'MR_ABORTED',
        `job "${this.definition.name}": execution ${this.launched.executionId} was stopped.`,
      ),
    );
  }

  /** Whether it has stopped writing because its lease is gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Another process owns the execution now: nothing more is written. */
  async lose(): Promise<void> {
    if (this.#isLost) return;
    this.#isLost = true;
    this.interruption.interrupt('leaseLost', leaseLost(this.launched.executionId));
    const event: EventRecord = { kind: 'leaseLost', at: this.now() };
    try {
      await this.host.store.recordEvent(this.launched.executionId, this.launched.jobName, event);
    } catch (error) {
      this.host.logger.warn(
        `the loss of execution ${this.launched.executionId} could not be recorded: ${String(error)}`,
      );
    }
    this.emit(event);
  }

  /** Aborts before the lease is over (ST-25), and refuses sink writes after that. */
  checkLease(): void {
    if (this.leaseLeftMs() > 0) return;
    this.loseLease();
    throw leaseLost(this.launched.executionId);
  }

  loseLease(): void {
    this.interruption.interrupt('leaseLost', leaseLost(this.launched.executionId));
  }

  /** Until the work is to be aborted if the lease is not renewed. */
  leaseLeftMs(): number {
    const { leaseTtlMs } = this.host.store;
    return this.host.renewedAtMs(this.leaseFromMs) + (leaseTtlMs * 5) / 6 - hrtimeMs();
  }

  /** A write of the owner; what it says about the job is heeded. */
  async fenced(write: () => Promise<BatchStatus>): Promise<void> {
    this.heed(await write());
  }

  heed(status: BatchStatus): void {
    if (status === 'STOPPING') this.stop();
  }

  emit(
    event: EventRecord & Omit<Partial<JobEvent>, 'at'> & { readonly current?: number; readonly total?: number },
  ): void {
    const { hub } = this.host;
    if (!hub.hears(event.kind)) return;
    const { at, ...rest } = event;
    const { executionId, jobName } = this.launched;
    hub.emit({ ...rest, at: new Date(at), executionId, jobName } as JobEvent);
  }

  async #run(): Promise<void> {
    const { host, launched, definition } = this;
    if (!(await host.store.changeJob(launched, ['QUEUED'], { status: 'STARTING', exitCode: 'STARTING' }))) return;
    this.#startTime = this.now();
    const event: EventRecord = { kind: 'jobStarted', at: this.#startTime, status: 'STARTED' };
    const change = { status: 'STARTED', exitCode: 'STARTED', startTime: this.#startTime } as const;
    const isStarted = await host.store.changeJob(launched, ['STARTING'], change, event, launched.jobName);
    if (!isStarted) {
      const now = await host.store.statusOf(launched.executionId);
      if (now?.status !== 'STOPPING' || now.fence !== launched.fence) throw leaseLost(launched.executionId);
      this.stop();
    } else this.emit(event);
    const callOff = this.interruption.after(definition.timeoutMs, 'jobTimeout', () => this.#timeoutError());
    try {
      await this.#callListeners('beforeJob');
      if (this.#ownFailure === undefined) await this.#runSteps();
    } catch (error) {
      if (isLeaseLost(error)) throw error;
      // The store refused a write that is no step's: the job fails with it, if that can still be stored.
      this.#ownFailure = { error };
    } finally {
      callOff();
    }
    await this.#end();
  }

  async #runSteps(): Promise<void> {
    const { steps } = this.definition;
    await this.#loadHistory();
    const graph = new GraphDecisions(steps);
    await this.#reuse(graph);
    // What was complete is not run again, nor are steps that were added to it since.
    if (!this.launched.isNoop) await this.#drain(graph, graph.begin());
  }

  /** Runs what is ready, up to `maxConcurrentSteps` at once, until nothing is left or may begin. */
  async #drain(graph: GraphDecisions, ready: StepDecision[]): Promise<void> {
    const running = new Set<Promise<void>>();
    let trouble: { readonly error: unknown } | undefined;
    let head = 0;
    for (;;) {
      while (trouble === undefined && head < ready.length && running.size < this.host.maxConcurrentSteps) {
        if (this.#mayNotBegin()) {
          this.#isCutShort = true;
          break;
        }
        const skips: Extract<StepDecision, { kind: 'skip' }>[] = [];
        for (let next = ready[head]; next?.kind === 'skip'; next = ready[++head]) skips.push(next);
        if (skips.length > 0) {
          await this.#storeSkips(skips);
          continue;
        }
        const next = ready[head++];
        const step = next === undefined ? undefined : this.definition.steps[next.index];
        if (next === undefined || step === undefined) break;
        if (this.#isFailingFast && step.when !== 'anyFailed' && step.when !== 'allDone') continue;
        const work = this.#runStep(graph, next.index, step)
          .then((decided) => void ready.push(...decided))
          .catch((error: unknown) => {
            trouble ??= { error };
            if (!isLeaseLost(error)) this.stop();
          })
          .finally(() => running.delete(work));
        running.add(work);
      }
      if (running.size === 0) break;
      await Promise.race(running);
    }
    if (trouble !== undefined) throw trouble.error;
  }

  #mayNotBegin(): boolean {
    return this.interruption.signal.aborted;
  }

  async #runStep(graph: GraphDecisions, index: number, step: StepDefinition): Promise<StepDecision[]> {
    const isReplayable = graph.upstreams(index).every((upstream) => {
      const name = this.definition.steps[upstream]?.name;
      return name !== undefined && this.steps.get(name)?.reusedFrom !== undefined;
    });
    const record = await this.#runStepBody(this, step, index, isReplayable);
    if (record === undefined) {
      this.#isCutShort = true;
      return [];
    }
    const outcome = outcomeOf(record);
    if (record.status === 'FAILED') {
      this.#failures.push({
        step: step.name,
        failure: record.failure ?? { name: 'Error', message: `step "${step.name}" failed` },
        isAllowed: step.allowFailure,
      });
      if (this.definition.failFast && !step.allowFailure && !this.#isFailingFast) {
        this.#isFailingFast = true;
        for (const other of this.runningSteps) other.stopForFailFast();
      }
    }
    return graph.settle(index, outcome);
  }

  async #loadHistory(): Promise<void> {
    const { launched, host } = this;
    if (launched.previous === undefined) return;
    for (const entry of await host.store.history(launched.instanceId, launched.generation, launched.fence)) {
      const { name, partition } = entry.record;
      this.history.set(historyKey(name, partition), entry);
    }
    for (const instance of await host.store.stepInstances(launched.instanceId, launched.generation)) {
      this.stepInstances.set(instance.stepName, instance);
    }
  }

  /** Steps that are final already: COMPLETED by an earlier execution; all of them when nothing is to be done. */
  async #reuse(graph: GraphDecisions): Promise<void> {
    const { steps } = this.definition;
    const records: StepRecord[] = [];
    for (const [index, step] of steps.entries()) {
      const earlier = this.history.get(historyKey(step.name, undefined))?.record;
      if (earlier === undefined) continue;
      const isReused = earlier.status === 'COMPLETED' && (!step.alwaysRun || this.launched.isNoop);
      if (!isReused && !this.launched.isNoop) continue;
      const now = this.now();
      const { executionId } = this.launched;
      const record = isReused
        ? reusedStep(earlier, executionId, index, now)
        : copiedStep(earlier, executionId, index, now);
      this.steps.set(step.name, record);
      records.push(record);
      graph.reuse(index, outcomeOf(record));
    }
    if (records.length === 0) return;
    const { host, launched } = this;
    await this.fenced(() => host.store.insertSteps(launched, launched.jobName, records, []));
  }

  async #storeSkips(skips: readonly Extract<StepDecision, { kind: 'skip' }>[]): Promise<void> {
    const { host, launched } = this;
    const records: StepRecord[] = [];
    const events: EventRecord[] = [];
    for (const { index, reason } of skips) {
      const step = this.definition.steps[index];
      if (step === undefined) continue;
      const at = this.now();
      records.push(skippedStep(launched.executionId, step.name, index, at, reason));
      events.push({ kind: 'stepSkipped', at, stepName: step.name, status: 'SKIPPED' });
    }
    await this.fenced(() => host.store.insertSteps(launched, launched.jobName, records, events));
    for (const record of records) this.steps.set(record.name, record);
    for (const event of events) this.emit(event);
  }

  async #end(): Promise<void> {
    const { host, launched } = this;
    if (this.#isLost || this.interruption.kind === 'leaseLost') throw leaseLost(launched.executionId);
    let end = this.#outcome();
    const endTime = this.now();
    await this.#callListeners('afterJob', this.snapshot(end.status, end.exitCode, endTime, end.failure));
    try {
      host.probe('beforeFinalStatus', { executionId: launched.executionId, stepName: '' });
    } catch (error) {
      this.#ownFailure ??= { error };
    }
    // What fails now fails a job that had not failed before.
    if (this.#ownFailure !== undefined && end.status !== 'FAILED') end = failedBy(this.#ownFailure.error);
    this.#cause = end.cause;
    const { status, exitCode, failure } = end;
    if (status === 'STOPPED') {
      // ST-2 knows no way from STARTED to STOPPED.
      await host.store.changeJob(launched, ['STARTED'], { status: 'STOPPING', exitCode: 'STOPPING' });
    }
    const event: EventRecord = { kind: 'jobEnded', at: endTime, status };
    const context = this.jobContext.isDirty ? this.jobContext.text() : undefined;
    const change = { status, exitCode, startTime: this.#startTime ?? endTime, endTime, failure, context };
    const from: BatchStatus[] = status === 'STOPPED' ? ['STOPPING'] : ['STARTING', 'STARTED', 'STOPPING'];
    if (!(await host.store.changeJob(launched, from, change, event, launched.jobName))) {
      throw leaseLost(launched.executionId);
    }
    this.emit(event);
    try {
      host.probe('afterFinalStatus', { executionId: launched.executionId, stepName: '' });
    } catch (error) {
      host.logger.error(`the probe threw after execution ${launched.executionId} had ended: ${String(error)}`);
    }
  }

  /** How it ends: by its first failed step, else by what failed around the steps, else by the steps' statuses (ST-4). */
  #outcome(): JobEnd {
    const begun = this.definition.steps.flatMap(({ name, allowFailure }) => {
      const status = this.steps.get(name)?.status;
      return status === undefined ? [] : [{ status, allowFailure }];
    });
    const { status, exitCode } = jobOutcome(begun, this.#isCutShort);
    const first = this.#failures.find(({ isAllowed }) => !isAllowed);
    if (first !== undefined) {
      const failure = { ...first.failure, step: first.step };
      return { status: 'FAILED', exitCode: 'FAILED', failure, cause: this.causes.get(first.step) };
    }
    if (this.#ownFailure !== undefined) return failedBy(this.#ownFailure.error);
    const { kind, error } = this.interruption;
    if (kind === 'jobTimeout' && (status !== 'COMPLETED' || this.#isCutShort)) return failedBy(error);
    const isNoop = status === 'COMPLETED' && this.launched.isNoop;
    return { status, exitCode: isNoop ? 'NOOP' : exitCode, failure: undefined, cause: undefined };
  }

  /** The execution as it stands in this process. */
  snapshot(status: BatchStatus, exitCode: string, endTime?: number, failure?: FailureInfo): JobExecution {
    const { launched } = this;
    return deepFreeze({
      id: launched.executionId,
      instanceId: launched.instanceId,
      jobName: launched.jobName,
      status,
      exitCode,
      parameters: Object.fromEntries(launched.parameters.map(({ name, value }) => [name, structuredClone(value)])),
      createTime: new Date(launched.createTime),
      ...(this.#startTime === undefined ? {} : { startTime: new Date(this.#startTime) }),
      ...(endTime === undefined ? {} : { endTime: new Date(endTime) }),
      ...(launched.createdBy === undefined ? {} : { createdBy: launched.createdBy }),
      recoveries: launched.recoveries,
      ...(failure === undefined ? {} : { failure: structuredClone(failure) }),
      steps: stepSnapshots(
        [...this.steps.values(), ...this.partitions].sort((a, b) => a.position - b.position),
        (id) => this.attempts.get(id) ?? [],
      ),
    });
  }

  async #callListeners(kind: 'beforeJob' | 'afterJob', execution = this.snapshot('STARTED', 'STARTED')): Promise<void> {
    for (const listener of this.definition.listeners) {
      try {
        await this.interruption.guard(listener[kind]?.(execution));
      } catch (error) {
        this.#ownFailure ??= { error };
      }
    }
  }

  #timeoutError(): MillraceError {
    const { name, timeoutMs } = this.definition;
    return new MillraceError(
      'MR_JOB_TIMEOUT',
      `job "${name}" ran longer than its timeoutMs of ${timeoutMs}. Raise it, or find what is slow.`,
    );
  }
}

interface JobEnd {
  readonly status: 'COMPLETED' | 'FAILED' | 'STOPPED';
  readonly exitCode: string;
  readonly failure: FailureInfo | undefined;
  readonly cause: unknown;
}

function failedBy(error: unknown): JobEnd {
  return { status: 'FAILED', exitCode: 'FAILED', failure: failureInfo(error), cause: error };
}

/** A running step, as a failed one beside it sees it. */
interface StoppableStep {
  stopForFailFast(): void;
}

/** Runs a step to its stored end; undefined when a stop came before it began. Given from outside, for steps know their job. */
export type RunStep = (
  job: JobRun,
  step: StepDefinition,
  position: number,
  isReplayable: boolean,
) => Promise<StepRecord | undefined>;

/** Names a step or partition among the records of earlier executions. */
export function historyKey(step: string, partition: number | undefined): string {
  return `${partition ?? ''}/${step}`;
}

export function isLeaseLost(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'MR_LEASE_LOST';
}

function outcomeOf(record: StepRecord): StepOutcome {
  switch (record.status) {
    case 'COMPLETED':
      return { kind: 'completed' };
    case 'SKIPPED':
      return { kind: 'skipped', reason: record.skipReason ?? { kind: 'condition' } };
    case 'FAILED':
      return { kind: 'failed' };
    default:
      return { kind: 'stopped' };
  }
}
