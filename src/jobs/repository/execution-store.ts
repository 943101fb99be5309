import { MillraceError } from '../../base/errors.ts';
import type { BatchStatus } from '../definition/batch-status.ts';
import type { FailureInfo } from '../definition/failure-info.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { attemptOf } from './execution-reader.ts';
import type {
  AttemptRecord,
  Claim,
  EventRecord,
  StepHistory,
  StepInstanceRecord,
  StepRecord,
} from './execution-records.ts';
import {
  inTransaction,
  type SqlConnection,
  type SqlDatabase,
  type SqlRow,
  type SqlTransaction,
} from './sql/database.ts';
import { isTransientSqlError } from './sql/transient-error.ts';
import { dialectSql, marks, nowMs } from './sql-text.ts';
import {
  insertStep,
  insertStepValues,
  json,
  parsed,
  progressValues,
  stepRecordOf,
  updateProgress,
  updateStep,
  updateStepValues,
} from './step-columns.ts';
import { uuidV7 } from './uuid-v7.ts';

const active = "status in ('QUEUED', 'STARTING', 'STARTED', 'STOPPING')";
const mostTries = 10;

/** What a job's end, or a change of its status, writes. */
export interface JobChange {
  readonly status: BatchStatus;
  readonly exitCode: string;
  readonly startTime?: number;
  readonly endTime?: number;
  readonly failure?: FailureInfo | undefined;
  readonly context?: string | undefined;
}

/**
 * The write side of the repository, for the owner of an execution.
 *
 * Invariant (ST-21): each transaction of an owner ends with {@link checkFence}, so that it changes nothing once another
 * process has taken the execution over. Kept by `#fenced` and by the chunk loop; checked by the database.
 */
export class ExecutionStore {
  readonly database: SqlDatabase;
  readonly leaseTtlMs: number;

  constructor(database: SqlDatabase, leaseTtlMs: number) {
    this.database = database;
    this.leaseTtlMs = leaseTtlMs;
  }

  begin(): Promise<SqlTransaction> {
    return this.database.begin(this.database.dialect === 'sqlite' ? {} : { isolation: 'read committed' });
  }

  /** Rows that a statement of ours returns, in the dialect of the connection. */
  async rows(connection: SqlConnection, sql: string, parameters: readonly unknown[] = []): Promise<readonly SqlRow[]> {
    return (await connection.run(dialectSql(sql, connection.dialect), parameters)).rows;
  }

  /** Rows that a statement of ours changes. */
  async change(connection: SqlConnection, sql: string, parameters: readonly unknown[]): Promise<number> {
    return (await connection.run(dialectSql(sql, connection.dialect), parameters)).changes;
  }

  /**
   * Whether the execution is still the owner's, and not to be stopped. On SQLite it renews the lease too, for it holds
   * the write lock, which the heartbeat then waits for.
   *
   * @returns the status: STOPPING when a stop was asked for
   * @throws {MillraceError} MR_LEASE_LOST
   */
  async checkFence(connection: SqlConnection, claim: Claim): Promise<BatchStatus> {
    const { executionId, fence } = claim;
    if (connection.dialect === 'sqlite') {
      const until = Date.now() + this.leaseTtlMs;
      const renewed = await this.change(
        connection,
        "update millrace_job_execution set lease_until = ? where id = ? and fence = ? and status = 'STARTED'",
        [until, executionId, fence],
      );
      if (renewed === 1) return 'STARTED';
    }
    const lock = { sqlite: '', postgres: ' for share', mysql: ' lock in share mode' }[connection.dialect];
    const [row] = await this.rows(
      connection,
      `select status from millrace_job_execution where id = ? and fence = ? and ${active}${lock}`,
      [executionId, fence],
    );
    if (row === undefined) throw leaseLost(executionId);
    return String(row['status']) as BatchStatus;
  }

  /** Moves the job from one of the statuses to another; false when it is in none of them, or not the owner's any more. */
  async changeJob(
    claim: Claim,
    from: readonly BatchStatus[],
    change: JobChange,
    event?: EventRecord,
    jobName = '',
  ): Promise<boolean> {
    return this.#retried(async (transaction) => {
      const sets = ['status = ?', 'exit_code = ?'];
      const values: unknown[] = [change.status, change.exitCode];
      if (change.startTime !== undefined) {
        sets.push('start_time = ?');
        values.push(change.startTime);
      }
      if (change.endTime !== undefined) {
        sets.push('end_time = ?');
        values.push(change.endTime);
      }
      if (change.failure !== undefined) {
        sets.push('failure = ?');
        values.push(json(change.failure));
      }
      if (change.context !== undefined) {
        sets.push('context = ?');
        values.push(change.context);
      }
      const changed = await this.change(
        transaction,
        `update millrace_job_execution set ${sets.join(', ')} where id = ? and fence = ? and status in (${marks(from.length)})`,
        [...values, claim.executionId, claim.fence, ...from],
      );
      if (changed !== 1) return false;
      // A step whose own end could not be stored does not stay active under a job that has ended.
      if (change.status === 'FAILED' && change.endTime !== undefined) {
        await this.change(
          transaction,
          `update millrace_step_execution set status = 'FAILED', exit_code = 'FAILED', failure = ?, end_time = ? where execution_id = ? and ${active}`,
          [json(change.failure), change.endTime, claim.executionId],
        );
      }
      if (event !== undefined) await this.addEvent(transaction, claim.executionId, jobName, event);
      return true;
    });
  }

  /** Writes the request to stop, where one may be asked for: STOPPING, or STOPPED for what was not begun (ST-29). @returns the status before */
  async requestStop(
    executionId: string,
    now: number,
  ): Promise<{ readonly status: BatchStatus; readonly jobName: string } | undefined> {
    return this.#retried(async (transaction) => {
      const forUpdate = transaction.dialect === 'sqlite' ? '' : ' for update';
      const [row] = await this.rows(
        transaction,
        `select status, job_name from millrace_job_execution where id = ?${forUpdate}`,
        [executionId],
      );
      if (row === undefined) return undefined;
      const status = String(row['status']) as BatchStatus;
      const found = { status, jobName: String(row['job_name']) };
      if (status === 'QUEUED') {
        await this.change(
          transaction,
          "update millrace_job_execution set status = 'STOPPED', exit_code = 'STOPPED', start_time = coalesce(start_time, ?), end_time = ? where id = ?",
          [now, now, executionId],
        );
      } else if (status === 'STARTING' || status === 'STARTED') {
        await this.change(
          transaction,
          "update millrace_job_execution set status = 'STOPPING', exit_code = 'STOPPING' where id = ?",
          [executionId],
        );
      } else return found;
      await this.addEvent(transaction, executionId, found.jobName, { kind: 'stopRequested', at: now });
      return found;
    });
  }

  /** STOPPED or FAILED becomes ABANDONED; false when it is neither. */
  async abandon(executionId: string): Promise<boolean> {
    const changed = await this.change(
      this.database,
      "update millrace_job_execution set status = 'ABANDONED', exit_code = 'ABANDONED' where id = ? and status in ('STOPPED', 'FAILED')",
      [executionId],
    );
    return changed === 1;
  }

  async statusOf(executionId: string): Promise<{ readonly status: BatchStatus; readonly fence: number } | undefined> {
    const [row] = await this.rows(this.database, 'select status, fence from millrace_job_execution where id = ?', [
      executionId,
    ]);
    if (row === undefined) return undefined;
    return { status: String(row['status']) as BatchStatus, fence: Number(row['fence']) };
  }

  /** One start more of a step in the instance; returns what the instance knows of it. */
  async stepInstance(
    connection: SqlConnection,
    instanceId: string,
    generation: number,
    stepName: string,
    isStart: boolean,
  ): Promise<StepInstanceRecord> {
    const started = isStart ? 1 : 0;
    const upsert =
      connection.dialect === 'mysql'
        ? 'insert into millrace_step_instance (id, instance_id, generation, step_name, start_count) values (?, ?, ?, ?, ?) on duplicate key update start_count = start_count + ?'
        : 'insert into millrace_step_instance (id, instance_id, generation, step_name, start_count) values (?, ?, ?, ?, ?) on conflict (instance_id, generation, step_name) do update set start_count = millrace_step_instance.start_count + ?';
    await this.change(connection, upsert, [uuidV7(), instanceId, generation, stepName, started, started]);
    const [row] = await this.rows(
      connection,
      'select * from millrace_step_instance where instance_id = ? and generation = ? and step_name = ?',
      [instanceId, generation, stepName],
    );
    return stepInstanceOf(row ?? {});
  }

  async stepInstances(instanceId: string, generation: number): Promise<readonly StepInstanceRecord[]> {
    const rows = await this.rows(
      this.database,
      'select * from millrace_step_instance where instance_id = ? and generation = ?',
      [instanceId, generation],
    );
    return rows.map(stepInstanceOf);
  }

  /** Stores the outcome of a step's `if` (ST-18). */
  saveDecision(
    claim: Claim,
    instanceId: string,
    generation: number,
    stepName: string,
    decision: boolean,
  ): Promise<BatchStatus> {
    return this.#fenced(claim, async (transaction) => {
      const { id } = await this.stepInstance(transaction, instanceId, generation, stepName, false);
      await this.change(transaction, 'update millrace_step_instance set decision = ? where id = ?', [
        decision ? 1 : 0,
        id,
      ]);
    });
  }

  savePartitions(claim: Claim, stepInstanceId: string, values: readonly JsonValue[]): Promise<BatchStatus> {
    return this.#fenced(claim, async (transaction) => {
      await this.change(transaction, 'update millrace_step_instance set partitions = ? where id = ?', [
        JSON.stringify(values),
        stepInstanceId,
      ]);
    });
  }

  /** Stores a step that begins. @returns undefined when it would start more often than `startLimit` allows */
  async startStep(
    claim: Claim,
    where: { readonly instanceId: string; readonly generation: number; readonly jobName: string },
    step: StepRecord,
    startLimit: number,
    event: EventRecord,
  ): Promise<StepInstanceRecord | undefined> {
    return this.#retried(async (transaction) => {
      const isStart = step.partition === undefined;
      const instance = await this.stepInstance(transaction, where.instanceId, where.generation, step.name, isStart);
      if (instance.startCount > startLimit) throw new StartLimit();
      await this.change(transaction, insertStep, insertStepValues(step));
      await this.addEvent(transaction, claim.executionId, where.jobName, event);
      await this.checkFence(transaction, claim);
      return instance;
    }).catch((error: unknown) => {
      if (error instanceof StartLimit) return undefined;
      throw error;
    });
  }

  /** Stores steps that did not run: reused, skipped, or failed before they began. */
  insertSteps(
    claim: Claim,
    jobName: string,
    steps: readonly StepRecord[],
    events: readonly EventRecord[],
  ): Promise<BatchStatus> {
    return this.#fenced(claim, async (transaction) => {
      for (const step of steps) await this.change(transaction, insertStep, insertStepValues(step));
      for (const event of events) await this.addEvent(transaction, claim.executionId, jobName, event);
    });
  }

  /** Stores a step as it is now, with an attempt and the job's context where they changed. */
  updateStep(
    claim: Claim,
    step: StepRecord,
    more: {
      readonly jobName?: string;
      readonly event?: EventRecord | undefined;
      readonly attempt?: AttemptRecord | undefined;
      readonly jobContext?: string | undefined;
    } = {},
  ): Promise<BatchStatus> {
    return this.#fenced(claim, async (transaction) => {
      await this.change(transaction, updateStep, updateStepValues(step));
      if (more.attempt !== undefined) await this.#addAttempt(transaction, step.executionId, more.attempt);
      if (more.jobContext !== undefined) await this.writeJobContext(transaction, claim, more.jobContext);
      if (more.event !== undefined) await this.addEvent(transaction, step.executionId, more.jobName ?? '', more.event);
    });
  }

  /** The job's context by itself. */
  saveJobContext(claim: Claim, context: string): Promise<BatchStatus> {
    return this.#fenced(claim, (transaction) => this.writeJobContext(transaction, claim, context));
  }

  async writeJobContext(connection: SqlConnection, claim: Claim, context: string): Promise<void> {
    await this.change(connection, 'update millrace_job_execution set context = ? where id = ?', [
      context,
      claim.executionId,
    ]);
  }

  /** Counters, checkpoint and context of a step, inside the chunk transaction. */
  async writeProgress(connection: SqlConnection, step: StepRecord): Promise<void> {
    await connection.run(dialectSql(updateProgress, connection.dialect), progressValues(step));
  }

  /** Stores them outside a chunk, fenced: before a sink publishes, what will be found published. */
  saveProgress(claim: Claim, step: StepRecord): Promise<BatchStatus> {
    return this.#fenced(claim, (transaction) => this.writeProgress(transaction, step));
  }

  async addEvent(connection: SqlConnection, executionId: string, jobName: string, event: EventRecord): Promise<void> {
    await this.change(
      connection,
      'insert into millrace_execution_event (id, execution_id, job_name, kind, at, step_name, "partition", status) values (?, ?, ?, ?, ?, ?, ?, ?)',
      [
        uuidV7(),
        executionId,
        jobName,
        event.kind,
        event.at,
        event.stepName ?? null,
        event.partition ?? null,
        event.status ?? null,
      ],
    );
  }

  /** An event by itself, of one who is not the owner any more. */
  async recordEvent(executionId: string, jobName: string, event: EventRecord): Promise<void> {
    await this.addEvent(this.database, executionId, jobName, event);
  }

  /** The newest row of each step and partition of the generation, by earlier executions. */
  async history(instanceId: string, generation: number, fence: number): Promise<readonly StepHistory[]> {
    const rows = await this.rows(
      this.database,
      'select s.* from millrace_step_execution s join millrace_job_execution e on e.id = s.execution_id where e.instance_id = ? and e.generation = ? and e.fence < ? order by e.fence, s.id',
      [instanceId, generation, fence],
    );
    const attempts = await this.rows(
      this.database,
      'select a.* from millrace_step_attempt a join millrace_job_execution e on e.id = a.execution_id where e.instance_id = ? and e.generation = ? and e.fence < ? order by a.attempt, a.id',
      [instanceId, generation, fence],
    );
    const lastAttempts = new Map<string, AttemptRecord>();
    for (const row of attempts) {
      const attempt = attemptOf(row);
      lastAttempts.set(attempt.stepExecutionId, attempt);
    }
    const history = new Map<string, StepHistory>();
    for (const row of rows) {
      const record = stepRecordOf(row);
      const key = JSON.stringify([record.name, record.partition ?? null]);
      history.set(key, { record, pendingAttempt: pendingAfter(record, lastAttempts.get(record.id), history.get(key)) });
    }
    return [...history.values()];
  }

  async #addAttempt(connection: SqlConnection, executionId: string, attempt: AttemptRecord): Promise<void> {
    await this.change(
      connection,
      'insert into millrace_step_attempt (id, step_execution_id, execution_id, attempt, status, error, started_at, duration_ms, wait_ms, next_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        uuidV7(),
        attempt.stepExecutionId,
        executionId,
        attempt.attempt,
        attempt.status,
        json(attempt.error),
        attempt.startedAt,
        Math.max(0, Math.round(attempt.durationMs)),
        Math.round(attempt.waitMs),
        attempt.nextAt === undefined ? null : Math.round(attempt.nextAt),
      ],
    );
  }

  /** The store's time. */
  async now(): Promise<number> {
    const [row] = await this.rows(this.database, `select ${nowMs[this.database.dialect]} as now`);
    return Number(row?.['now']);
  }

  /** `work` in a transaction that the fence check ends. @returns the status of the job */
  #fenced(claim: Claim, work: (transaction: SqlTransaction) => Promise<unknown>): Promise<BatchStatus> {
    return this.#retried(async (transaction) => {
      await work(transaction);
      return this.checkFence(transaction, claim);
    });
  }

  /** A short transaction of the store's own, again when the server gave up on it. */
  async #retried<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    const options = this.database.dialect === 'sqlite' ? {} : ({ isolation: 'read committed' } as const);
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(this.database, work, options);
      } catch (error) {
        if (this.database.dialect === 'sqlite' || attempt >= mostTries || !isTransientSqlError(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 10 * attempt * Math.random()));
    }
  }
}

/** The try that was waited for when this execution of the step ended; it may have gone on waiting for one of an earlier execution. */
function pendingAfter(
  step: StepRecord,
  last: AttemptRecord | undefined,
  before: StepHistory | undefined,
): StepHistory['pendingAttempt'] {
  if (last !== undefined) return last.nextAt === undefined ? undefined : { attempt: last.attempt, nextAt: last.nextAt };
  return step.status === 'STOPPED' || step.exitCode === 'ORPHANED' ? before?.pendingAttempt : undefined;
}

/** Ends the transaction of a start that is one too many. */
class StartLimit extends Error {}

function stepInstanceOf(row: SqlRow): StepInstanceRecord {
  const decision = row['decision'];
  return {
    id: String(row['id']),
    stepName: String(row['step_name']),
    startCount: Number(row['start_count']),
    skipCount: Number(row['skip_count']),
    partitions: parsed(row['partitions']),
    decision: decision === null || decision === undefined ? undefined : Number(decision) === 1,
  };
}

export function leaseLost(executionId: string): MillraceError {
  return new MillraceError(
    'MR_LEASE_LOST',
    `Execution ${executionId} is not this process's any more: its lease ran out, or it was ended from outside. What it had not committed was rolled back.`,
    { details: { executionId } },
  );
}
