import { MillraceError } from '../../base/errors.ts';
import { startTimer, timerMs } from '../../base/timers.ts';
import { type BatchStatus, isActive, mayBecome } from '../definition/batch-status.ts';
import type { DataSource } from '../definition/data-source.ts';
import type { AnyJob, Job, LaunchArguments, LaunchOptions } from '../definition/job.ts';
import { definitionOf } from '../definition/job-definition.ts';
import type { JobEvent } from '../definition/job-event.ts';
import type { JobExecution } from '../definition/job-execution.ts';
import type { JobRepository } from '../definition/job-repository.ts';
import type { JobDefinition } from '../definition/step-definition.ts';
import { ExecutionReader, noSuchExecution } from '../repository/execution-reader.ts';
import { ExecutionStore } from '../repository/execution-store.ts';
import { type LaunchRequest, launchedInput, OrphanIsTaken, storeLaunch } from '../repository/launcher.ts';
import type { Orphan } from '../repository/reaper-store.ts';
import { migrate } from '../repository/schema.ts';
import { SqlDataSource } from '../repository/sql/data-source.ts';
import { openDatabase } from '../repository/sql/open-database.ts';
import { uuidV7 } from '../repository/uuid-v7.ts';
import { runChunkStep } from './chunk-step-run.ts';
import { EventHub } from './event-hub.ts';
import { Heartbeat } from './heartbeat.ts';
import { JobRun, type RunStep } from './job-run.ts';
import { checkLaunchOptions, launchParameters } from './launch-parameters.ts';
import { closed, illegal, refusal, saysNothingOfJob, unreachable } from './operator-errors.ts';
import { type JobOperatorOptions, type ResolvedOperatorOptions, resolveOperatorOptions } from './operator-options.ts';
import { newOwner } from './owner-identity.ts';
import { Reaper } from './reaper.ts';
import type { ChildRun, RunHost } from './run-host.ts';
import { SharedEngine } from './shared-engine.ts';
import { drainOnSignals } from './signals.ts';
import { StepRun } from './step-run.ts';

/** A launched execution. */
export interface JobHandle {
  readonly executionId: string;
  readonly instanceId: string;
  /** Resolves with the end, whatever the status. */
  finished(): Promise<JobExecution>;
  stop(): Promise<void>;
}

interface Running {
  readonly handle: JobHandle;
  readonly run: JobRun;
  readonly ended: Promise<JobExecution>;
  readonly request: LaunchRequest;
  /** As its launch ended it. */
  readonly orphan: JobExecution | undefined;
}

interface InternalLaunch extends LaunchOptions {
  readonly instanceId?: string;
  readonly parentStepId?: string;
  /** To be ended and started again: by a reaper. */
  readonly orphan?: Orphan;
}

const runStep: RunStep = (job, step, position, isReplayable) =>
  new StepRun(job, step, position, isReplayable, runChunkStep).run();
const mostReaps = 20;

/**
 * Launches, stops and restarts jobs, and takes over those whose process died. Any number of operators, in any number of
 * processes, share one repository.
 *
 * @example
 * ```ts
 * import { JobOperator, job } from 'millrace/jobs';
 * const hello = job('hello').step('greet', (s) => s.task(() => 'Hello'));
 * const operator = await JobOperator.create({ repository: 'sqlite::memory:', jobs: [hello] });
 * const execution = await operator.run(hello);
 * console.log(execution.status, execution.steps[0]?.result); // COMPLETED Hello
 * await operator.close();
 * ```
 */
export class JobOperator {
  readonly repository: JobRepository;
  readonly dataSource: DataSource;
  readonly #options: ResolvedOperatorOptions;
  readonly #store: ExecutionStore;
  readonly #hub: EventHub;
  readonly #owner = newOwner();
  readonly #heartbeat: Heartbeat;
  readonly #reaper: Reaper;
  readonly #host: RunHost;
  readonly #jobs = new Map<string, AnyJob>();
  readonly #running = new Map<string, Running>();
  readonly #engine: SharedEngine;
  readonly #launching = new Map<string, Promise<unknown>>();
  #reaping: NodeJS.Timeout | undefined;
  #watching: NodeJS.Timeout | undefined;
  #forgetSignals: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  /**
   * Opens the repository, makes its tables when there are none, and, when it has jobs, takes over orphans.
   *
   * @throws {MillraceError} MR_REPOSITORY_UNREACHABLE, MR_REPOSITORY_TOO_NEW, MR_OPTION_INVALID
   */
  static async create(options: JobOperatorOptions = {}): Promise<JobOperator> {
    const resolved = resolveOperatorOptions(options);
    const database = openDatabase(resolved.repository, { synchronous: resolved.synchronous });
    let operator: JobOperator | undefined;
    try {
      await migrate(database);
      const store = new ExecutionStore(database, resolved.leaseTtlMs);
      operator = new JobOperator(resolved, store, new SqlDataSource(database));
      await operator.#begin();
      return operator;
    } catch (error) {
      await (operator ?? database).close();
      throw unreachable(database.identity, error);
    }
  }

  private constructor(options: ResolvedOperatorOptions, store: ExecutionStore, dataSource: SqlDataSource) {
    this.#options = options;
    this.#engine = new SharedEngine(options.context);
    this.#store = store;
    this.dataSource = dataSource;
    const { dialect } = store.database;
    this.repository = new ExecutionReader({
      dialect,
      run: (sql, parameters) => {
        if (this.#isClosed) throw closed();
        return store.database.run(sql, parameters);
      },
    });
    this.#hub = new EventHub(options.logger);
    this.#heartbeat = new Heartbeat(store, options.repository, this.#owner);
    this.#reaper = new Reaper({
      store,
      hub: this.#hub,
      owner: this.#owner,
      now: () => this.#now(),
      isRunning: (executionId) => this.#running.has(executionId),
      isLaunching: (executionId) => this.#launching.has(executionId),
      restart: (orphan) => this.#restartOrphan(orphan),
    });
    this.#host = {
      store,
      clock: options.clock,
      hub: this.#hub,
      logger: options.logger,
      dataSource,
      random: options.random,
      probe: options.probe,
      maxConcurrentSteps: options.maxConcurrentSteps,
      renewedAtMs: (fromMs) => this.#heartbeat.renewedAtMs(fromMs),
      engine: this.#engine,
      launchChild: (child, parameters, parentStepId) => this.#launchChild(child, parameters, parentStepId),
    };
  }

  async #begin(): Promise<void> {
    const { jobs, signals, leaseTtlMs, logger } = this.#options;
    this.register(...jobs);
    if (signals) this.#forgetSignals = drainOnSignals(() => this.close());
    if (jobs.length > 0) await this.recover();
    this.#reaping = setInterval(
      () => {
        this.#pass().catch((error: unknown) => {
          if (this.#closing === undefined) logger.warn(`looking for orphans failed: ${String(error)}`);
        });
      },
      timerMs(leaseTtlMs / 3),
    );
    this.#reaping.unref();
    this.#watching = setInterval(() => this.#watchLeases(), timerMs(leaseTtlMs / 24));
    this.#watching.unref();
  }

  /** Ends the work of executions whose lease cannot be renewed, before another may take them over (ST-25). */
  #watchLeases(): void {
    for (const { run } of this.#running.values()) if (run.leaseLeftMs() <= 0) run.loseLease();
  }

  /** Makes jobs known by name, so that they can be restarted and recovered. */
  register(...jobs: AnyJob[]): this {
    for (const job of jobs) this.#jobs.set(definitionOf(job).name, job);
    return this;
  }

  /** @throws {MillraceError} MR_NO_SUCH_JOB */
  job(name: string): AnyJob {
    const job = this.#jobs.get(name);
    if (job !== undefined) return job;
    const known = [...this.#jobs.keys()].join(', ');
    throw new MillraceError(
      'MR_NO_SUCH_JOB',
      `No job "${name}" is registered${known === '' ? '' : `; there are: ${known}`}. Pass it to JobOperator.create({ jobs }) or register() it.`,
    );
  }

  /** Starts a job, or goes on with its instance. Resolves when the execution is stored. */
  async launch<In>(
    // biome-ignore lint/suspicious/noExplicitAny: a job of any type
    job: Job<any, any, In>,
    ...args: LaunchArguments<NoInfer<In>>
  ): Promise<JobHandle> {
    const [parameters, options] = args as readonly unknown[] as [object | undefined, LaunchOptions | undefined];
    return (await this.#launch(job, parameters ?? {}, options ?? {})).handle;
  }

  /** Launches and waits. @throws {MillraceError} MR_JOB_NOT_COMPLETED unless the job is COMPLETED */
  async run<In>(
    // biome-ignore lint/suspicious/noExplicitAny: a job of any type
    job: Job<any, any, In>,
    ...args: LaunchArguments<NoInfer<In>>
  ): Promise<JobExecution> {
    const [parameters, options] = args as readonly unknown[] as [object | undefined, LaunchOptions | undefined];
    const running = await this.#launch(job, parameters ?? {}, options ?? {});
    const execution = await running.ended;
    if (execution.status === 'COMPLETED') return execution;
    const { failure, jobName, status, id } = execution;
    throw new MillraceError(
      'MR_JOB_NOT_COMPLETED',
      `job "${jobName}" ended ${status}${failure === undefined ? '' : `: ${failure.message}`}. Mend the cause and launch it again: it goes on where it stopped.`,
      { cause: running.run.cause ?? failure, details: { executionId: id, status } },
    );
  }

  /** Goes on with an execution of a registered job, with the parameters it was launched with. */
  async restart(executionId: string): Promise<JobHandle> {
    this.#checkOpen();
    const launched = await launchedInput(this.#store, executionId);
    if (launched === undefined) throw noSuchExecution(executionId);
    const { instanceId, input } = launched;
    return (await this.#launch(this.job(launched.jobName), input, { onComplete: 'refuse', instanceId })).handle;
  }

  /** Asks an execution of any process to end. It can be restarted. */
  async stop(executionId: string): Promise<void> {
    this.#checkOpen();
    const before = await this.#requestStop(executionId);
    if (before === undefined) throw noSuchExecution(executionId);
    if (before !== 'STOPPING' && !mayBecome(before, before === 'QUEUED' ? 'STOPPED' : 'STOPPING')) {
      throw illegal(executionId, before, 'STOPPING');
    }
  }

  /** @returns the status before; undefined when there is no such execution */
  async #requestStop(executionId: string): Promise<BatchStatus | undefined> {
    const now = this.#now();
    const found = await this.#store.requestStop(executionId, now);
    if (found === undefined || !isActive(found.status)) return found?.status;
    this.#running.get(executionId)?.run.stop();
    if (found.status !== 'STOPPING') {
      this.#hub.emit({ kind: 'stopRequested', at: new Date(now), executionId, jobName: found.jobName });
    }
    return found.status;
  }

  /** Gives an execution up for good: it cannot be restarted. */
  async abandon(executionId: string): Promise<JobExecution> {
    this.#checkOpen();
    const isAbandoned = await this.#store.abandon(executionId);
    const execution = await this.repository.execution(executionId);
    if (!isAbandoned) throw illegal(executionId, execution.status, 'ABANDONED');
    return execution;
  }

  /** Ends the executions whose owner is gone, and starts those of registered jobs again. @returns those it ended */
  async recover(): Promise<readonly JobExecution[]> {
    this.#checkOpen();
    return this.#reaper.pass();
  }

  /** Calls `listener` for each event of this operator. @returns a function that ends it */
  on(kind: JobEvent['kind'] | '*', listener: (event: JobEvent) => void): () => void {
    return this.#hub.on(kind, listener);
  }

  /** Stops its own executions, waits for them for at most `drainMs`, and lets go of everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#reaping);
    await Promise.allSettled(this.#launching.values());
    const running = [...this.#running.values()];
    await Promise.allSettled(
      running.map(async ({ run }) => {
        await this.#requestStop(run.launched.executionId);
        run.stop();
      }),
    );
    const ended = Promise.allSettled(running.map(({ ended: end }) => end));
    let callOff = (): void => undefined;
    const isLate = new Promise<void>((resolve) => {
      callOff = startTimer(resolve, this.#options.drainMs);
    });
    await Promise.race([ended, isLate]);
    callOff();
    for (const { run } of this.#running.values()) {
      const { executionId } = run.launched;
      run.interruption.interrupt(
        'drained',
        new MillraceError('MR_ABORTED', `Execution ${executionId} was left behind when its operator closed.`),
      );
    }
    await ended;
    clearInterval(this.#watching);
    this.#forgetSignals?.();
    await this.#heartbeat.stop();
    await this.#engine.stop();
    this.#isClosed = true;
    await this.#store.database.close();
  }

  async #launch(job: AnyJob, input: object, options: InternalLaunch): Promise<Running> {
    this.#checkOpen();
    const executionId = uuidV7();
    const launching = this.#launchAs(executionId, job, input, options);
    this.#launching.set(executionId, launching);
    try {
      return await launching;
    } catch (error) {
      throw unreachable(this.#store.database.identity, error);
    } finally {
      this.#launching.delete(executionId);
    }
  }

  async #launchAs(executionId: string, job: AnyJob, input: object, options: InternalLaunch): Promise<Running> {
    const definition = definitionOf(job);
    checkLaunchOptions(definition.name, options);
    const { parameters, values, identifies, kept } = await launchParameters(definition, input);
    const request: LaunchRequest = {
      executionId,
      jobName: definition.name,
      parameters,
      identity: definition.identity,
      input: kept,
      wish: {
        onComplete: options.onComplete ?? (identifies ? 'refuse' : 'again'),
        force: options.force === true,
        restartable: definition.restartable,
      },
      isNewRun: options.runId === 'auto',
      instanceId: options.instanceId,
      createdBy: options.createdBy,
      parentStepId: options.parentStepId,
      isRecovery: options.orphan !== undefined,
      orphan: options.orphan,
      owner: this.#owner,
      leaseTtlMs: this.#options.leaseTtlMs,
      now: this.#now(),
    };
    const running = await this.#storeLaunch(definition, request, values);
    const { signal } = options;
    if (signal !== undefined) this.#stopOn(signal, running);
    return running;
  }

  async #storeLaunch(definition: JobDefinition, asked: LaunchRequest, values: object): Promise<Running> {
    let request = asked;
    for (let reaps = 0; ; reaps++) {
      const leaseFromMs = Number(process.hrtime.bigint() / 1_000_000n);
      const outcome = await storeLaunch(this.#store, request);
      switch (outcome.kind) {
        case 'launched': {
          this.#heartbeat.start();
          const { execution } = outcome;
          const added = execution.parameters.find(({ name }) => name === 'run.id');
          const seen = added === undefined ? { ...values } : { ...values, 'run.id': added.value };
          const run = new JobRun(this.#host, definition, execution, Object.freeze(seen), leaseFromMs, runStep);
          if (outcome.ended !== undefined) this.#reaper.tell(outcome.ended, request.now);
          return this.#beginRun(run, request, outcome.ended);
        }
        case 'refused':
          if (request.orphan !== undefined && !request.isRecovery) await this.#reaper.end(request.orphan);
          throw refusal(definition, outcome.decision.code, outcome.executionId, request);
        case 'active': {
          const own = this.#running.get(outcome.executionId);
          if (own?.request.isRecovery === true && !request.wish.force) return own;
          const found = own || reaps === mostReaps ? 'alive' : await this.#reaper.look(outcome.executionId);
          if (found === 'alive') throw refusal(definition, 'MR_JOB_ALREADY_RUNNING', outcome.executionId, request);
          // Ended meanwhile, or to be ended by this launch.
          request = { ...request, orphan: found };
        }
      }
    }
  }

  #beginRun(run: JobRun, request: LaunchRequest, orphan: JobExecution | undefined): Running {
    const { executionId, instanceId, jobName } = run.launched;
    if (request.isRecovery) run.emit({ kind: 'executionRecovered', at: this.#now() });
    // A turn of the loop later, so that the caller has its handle before the first step runs.
    const ended = Promise.resolve()
      .then(() => run.run())
      .catch((error: unknown) => {
        this.#options.logger.error(
          `job "${jobName}", execution ${executionId}: its end could not be stored: ${String(error)}`,
          { error },
        );
        throw error;
      })
      .then(() => (run.isLost ? this.#letGo(executionId) : undefined))
      .then(() => this.repository.execution(executionId))
      .finally(() => this.#running.delete(executionId));
    // Whoever waits gets the error; who does not must not end the process by it.
    ended.catch(() => undefined);
    const handle: JobHandle = Object.freeze({
      executionId,
      instanceId,
      finished: () => ended,
      stop: async () => {
        // One that has just ended is as it should be.
        if (this.#running.has(executionId)) await this.#requestStop(executionId);
      },
    });
    const running: Running = { handle, run, ended, request, orphan };
    this.#running.set(executionId, running);
    return running;
  }

  /** What is lost because its lease could not be renewed is nobody's any more: ended here, unless another was first. */
  async #letGo(executionId: string): Promise<void> {
    this.#running.delete(executionId);
    const found = await this.#reaper.look(executionId);
    try {
      if (typeof found === 'object') await this.#reaper.take(found);
    } catch (error) {
      // A closing operator leaves it to others.
      if (this.#closing === undefined) throw error;
    }
  }

  #stopOn(signal: AbortSignal, { handle, run, ended }: Running): void {
    const stop = (): void => {
      handle.stop().catch((error: unknown) => this.#options.logger.warn(`a stop failed: ${String(error)}`));
    };
    if (signal.aborted) {
      // Before its first step, however long the store takes.
      run.stop();
      stop();
    } else {
      signal.addEventListener('abort', stop, { once: true });
      const forget = (): void => signal.removeEventListener('abort', stop);
      ended.then(forget, forget);
    }
  }

  async #launchChild(child: AnyJob, parameters: object, parentStepId: string): Promise<ChildRun> {
    const { handle, run } = await this.#launch(child, parameters, { onComplete: 'noop', parentStepId });
    return {
      executionId: handle.executionId,
      finished: () => handle.finished(),
      stop: () => handle.stop(),
      cause: () => run.cause,
    };
  }

  /** What the timer does: orphans, and stops that others asked for. */
  async #pass(): Promise<void> {
    if (this.#closing !== undefined) return;
    for (const [id, { run }] of this.#running) {
      const now = await this.#store.statusOf(id);
      if (now === undefined || !this.#running.has(id)) continue;
      if (now.fence !== run.launched.fence) await run.lose();
      else run.heed(now.status);
    }
    await this.recover();
  }

  async #restartOrphan(orphan: Orphan): Promise<JobExecution | undefined> {
    const { onOrphan, maxRecoveries, logger } = this.#options;
    const job = this.#jobs.get(orphan.jobName);
    if (onOrphan === 'fail' || job === undefined || orphan.parentStepId !== undefined) return undefined;
    if (orphan.recoveries >= maxRecoveries) return undefined;
    this.#checkOpen();
    const { id, instanceId } = orphan;
    try {
      const launched = await launchedInput(this.#store, id);
      return launched && (await this.#launch(job, launched.input, { onComplete: 'refuse', instanceId, orphan })).orphan;
    } catch (error) {
      // It stays active, for the next pass.
      if (saysNothingOfJob(error)) throw error;
      if (!(error instanceof OrphanIsTaken)) logger.warn(`the orphan ${id} was not started again: ${String(error)}`);
      return undefined;
    }
  }

  #now(): number {
    return Math.round(this.#options.clock.now());
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}
