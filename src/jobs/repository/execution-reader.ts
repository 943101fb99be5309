import { MillraceError } from '../../base/errors.ts';
import type { BatchStatus } from '../definition/batch-status.ts';
import type { JobEvent, JobEventKind } from '../definition/job-event.ts';
import type { JobExecution, JobInstance, SkippedItem } from '../definition/job-execution.ts';
import type { ParameterType, StoredParameter } from '../definition/job-parameters.ts';
import type { JobRepository } from '../definition/job-repository.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { addCounts, noCounts, type StepCounts } from '../definition/step-counts.ts';
import type { AttemptRecord, StepRecord } from './execution-records.ts';
import { deepFreeze, stepSnapshot } from './snapshots.ts';
import type { SqlConnection, SqlRow } from './sql/database.ts';
import { dialectSql, marks } from './sql-text.ts';
import { optionalNumber, optionalText, parsed, stepRecordOf } from './step-columns.ts';
import { decodeParameter } from './stored-values.ts';

const defaultLimit = 100;
/** Executions whose parts one query reads: databases limit the placeholders of a statement. */
const mostTogether = 500;

/** The read side of the repository. */
export class ExecutionReader implements JobRepository {
  readonly #database: Pick<SqlConnection, 'run' | 'dialect'>;

  constructor(database: Pick<SqlConnection, 'run' | 'dialect'>) {
    this.#database = database;
  }

  async execution(id: string): Promise<JobExecution> {
    const [row] = await this.#rows('select * from millrace_job_execution where id = ?', [id]);
    if (row === undefined) throw noSuchExecution(id);
    const [execution] = await this.#complete([row]);
    return execution ?? Promise.reject(noSuchExecution(id));
  }

  async executions(
    filter: { jobName?: string; instanceId?: string; status?: readonly BatchStatus[]; limit?: number } = {},
  ): Promise<readonly JobExecution[]> {
    const { jobName, instanceId, status, limit = defaultLimit } = filter;
    const where = new Where();
    where.equals('job_name', jobName);
    where.equals('instance_id', instanceId);
    if (status !== undefined) where.oneOf('status', status);
    const rows = await this.#rows(
      `select * from millrace_job_execution${where.text} order by id desc limit ${whole(limit)}`,
      where.values,
    );
    return deepFreeze(await this.#complete(rows));
  }

  async instance(id: string): Promise<JobInstance> {
    const [row] = await this.#rows('select * from millrace_job_instance where id = ?', [id]);
    if (row === undefined) {
      throw new MillraceError('MR_NO_SUCH_EXECUTION', `There is no job instance ${id} in this repository.`);
    }
    return deepFreeze(await this.#instanceOf(row));
  }

  async instances(filter: { jobName?: string; limit?: number } = {}): Promise<readonly JobInstance[]> {
    const where = new Where();
    where.equals('job_name', filter.jobName);
    const rows = await this.#rows(
      `select * from millrace_job_instance${where.text} order by id desc limit ${whole(filter.limit ?? defaultLimit)}`,
      where.values,
    );
    return deepFreeze(await Promise.all(rows.map((row) => this.#instanceOf(row))));
  }

  async skippedItems(filter: {
    executionId?: string;
    instanceId?: string;
    stepName?: string;
  }): Promise<readonly SkippedItem[]> {
    const where = new Where();
    where.equals('execution_id', filter.executionId);
    where.equals('instance_id', filter.instanceId);
    where.equals('step_name', filter.stepName);
    const rows = await this.#rows(
      `select * from millrace_skipped_item${where.text} order by "index", "partition", id`,
      where.values,
    );
    return deepFreeze(rows.map(skippedItemOf));
  }

  async events(executionId: string): Promise<readonly JobEvent[]> {
    const rows = await this.#rows('select * from millrace_execution_event where execution_id = ? order by id', [
      executionId,
    ]);
    // An end tells the counts, which its step keeps.
    const steps = await this.#rows('select * from millrace_step_execution where execution_id = ?', [executionId]);
    const countsOf = new Map(
      steps.map(stepRecordOf).map(({ name, partition, counts }) => [`${partition} ${name}`, counts]),
    );
    return deepFreeze(
      rows.map((row) => {
        const event = eventOf(row);
        const counts = event.kind === 'stepEnded' ? countsOf.get(`${event.partition} ${event.stepName}`) : undefined;
        return counts === undefined ? event : { ...event, counts };
      }),
    );
  }

  async #complete(rows: readonly SqlRow[]): Promise<JobExecution[]> {
    const executions: JobExecution[] = [];
    for (let from = 0; from < rows.length; from += mostTogether) {
      executions.push(...(await this.#completeTogether(rows.slice(from, from + mostTogether))));
    }
    return executions;
  }

  async #completeTogether(rows: readonly SqlRow[]): Promise<JobExecution[]> {
    const ids = rows.map((row) => String(row['id']));
    const among = `in (${marks(ids.length)})`;
    // One after the other: beside other work a pool has better use for its connections.
    const parameters = await this.#rows(
      `select * from millrace_job_parameter where execution_id ${among} order by position`,
      ids,
    );
    const steps = await this.#rows(
      `select * from millrace_step_execution where execution_id ${among} order by position, "partition"`,
      ids,
    );
    const attempts = await this.#rows(
      `select * from millrace_step_attempt where execution_id ${among} order by attempt, id`,
      ids,
    );
    const parametersOf = grouped(parameters, 'execution_id');
    const stepsOf = grouped(steps, 'execution_id');
    const attemptsOf = grouped(attempts, 'step_execution_id');
    return rows.map((row) => {
      const id = String(row['id']);
      const execution = executionOf(
        row,
        (parametersOf.get(id) ?? []).map(parameterOf),
        (stepsOf.get(id) ?? []).map(stepRecordOf),
        (step) => (attemptsOf.get(step) ?? []).map(attemptOf),
      );
      return deepFreeze(execution);
    });
  }

  async #instanceOf(row: SqlRow): Promise<JobInstance> {
    const id = String(row['id']);
    const [first] = await this.#rows(
      'select id from millrace_job_execution where instance_id = ? order by fence, id limit 1',
      [id],
    );
    const parameters =
      first === undefined
        ? []
        : await this.#rows('select * from millrace_job_parameter where execution_id = ? order by position', [
            first['id'],
          ]);
    const steps = await this.#rows(
      'select s.* from millrace_step_execution s join millrace_job_execution e on e.id = s.execution_id where e.instance_id = ? order by e.fence, s.position',
      [id],
    );
    const counts = new Map<string, StepCounts>();
    const records = steps.map(stepRecordOf);
    const partitioned = new Set(
      records.filter((step) => step.partition !== undefined).map((step) => `${step.executionId} ${step.name}`),
    );
    for (const step of records) {
      const sum = counts.get(step.name) ?? noCounts();
      counts.set(step.name, sum);
      // Of a partitioned step the partitions count; the row above them is their sum.
      if (step.partition === undefined && partitioned.has(`${step.executionId} ${step.name}`)) continue;
      addCounts(sum, step.counts);
    }
    const runId = optionalNumber(row['run_id']);
    return {
      id,
      jobName: String(row['job_name']),
      key: String(row['key']),
      ...(runId === undefined ? {} : { runId }),
      createTime: new Date(Number(row['create_time'])),
      parameters: parameters.map(parameterOf),
      counts: Object.fromEntries(counts),
    };
  }

  async #rows(sql: string, parameters: readonly unknown[]): Promise<readonly SqlRow[]> {
    return (await this.#database.run(dialectSql(sql, this.#database.dialect), parameters)).rows;
  }
}

/** Conditions of a query, joined by `and`. */
class Where {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  get text(): string {
    return this.#conditions.length === 0 ? '' : ` where ${this.#conditions.join(' and ')}`;
  }

  equals(column: string, value: string | undefined): void {
    if (value === undefined) return;
    this.#conditions.push(`${column} = ?`);
    this.values.push(value);
  }

  oneOf(column: string, values: readonly string[]): void {
    this.#conditions.push(values.length === 0 ? '1 = 0' : `${column} in (${marks(values.length)})`);
    this.values.push(...values);
  }
}

export function noSuchExecution(id: string): MillraceError {
  return new MillraceError(
    'MR_NO_SUCH_EXECUTION',
    `There is no job execution ${id} in this repository. operator.repository.executions() lists them.`,
    { details: { executionId: id } },
  );
}

function whole(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new MillraceError('MR_OPTION_INVALID', `limit must be an integer of at least 0, got ${limit}.`);
}

function grouped(rows: readonly SqlRow[], column: string): Map<string, SqlRow[]> {
  const groups = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const key = String(row[column]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

function executionOf(
  row: SqlRow,
  parameters: readonly StoredParameter[],
  steps: readonly StepRecord[],
  attemptsOf: (stepExecutionId: string) => readonly AttemptRecord[],
): JobExecution {
  const [startTime, endTime] = [optionalNumber(row['start_time']), optionalNumber(row['end_time'])];
  const [createdBy, failure] = [optionalText(row['created_by']), parsed<JobExecution['failure']>(row['failure'])];
  return {
    id: String(row['id']),
    instanceId: String(row['instance_id']),
    jobName: String(row['job_name']),
    status: String(row['status']) as BatchStatus,
    exitCode: String(row['exit_code']),
    parameters: Object.fromEntries(parameters.map(({ name, value }) => [name, value])),
    createTime: new Date(Number(row['create_time'])),
    ...(startTime === undefined ? {} : { startTime: new Date(startTime) }),
    ...(endTime === undefined ? {} : { endTime: new Date(endTime) }),
    ...(createdBy === undefined ? {} : { createdBy }),
    recoveries: Number(row['recoveries']),
    ...(failure === undefined ? {} : { failure }),
    steps: stepSnapshots(steps, attemptsOf),
  };
}

/** The steps of one execution, partitions under their steps. */
export function stepSnapshots(
  steps: readonly StepRecord[],
  attemptsOf: (stepExecutionId: string) => readonly AttemptRecord[],
): JobExecution['steps'] {
  const partitions = new Map<string, StepRecord[]>();
  for (const step of steps) {
    if (step.partition === undefined) continue;
    const group = partitions.get(step.name) ?? [];
    group.push(step);
    partitions.set(step.name, group);
  }
  for (const group of partitions.values()) group.sort((a, b) => (a.partition ?? 0) - (b.partition ?? 0));
  return steps
    .filter((step) => step.partition === undefined)
    .map((step) => stepSnapshot(step, attemptsOf(step.id), partitions.get(step.name)));
}

function parameterOf(row: SqlRow): StoredParameter {
  return {
    name: String(row['name']),
    type: String(row['type']) as ParameterType,
    value: decodeParameter(String(row['value'])),
    identifying: Number(row['identifying']) === 1,
  };
}

export function attemptOf(row: SqlRow): AttemptRecord {
  return {
    stepExecutionId: String(row['step_execution_id']),
    attempt: Number(row['attempt']),
    status: String(row['status']) as AttemptRecord['status'],
    error: parsed(row['error']),
    startedAt: Number(row['started_at']),
    durationMs: Number(row['duration_ms']),
    waitMs: Number(row['wait_ms']),
    nextAt: optionalNumber(row['next_at']),
  };
}

function skippedItemOf(row: SqlRow): SkippedItem {
  const truncated = Number(row['truncated']) === 1;
  const partition = optionalNumber(row['partition']);
  const item = optionalText(row['item']);
  return {
    stepName: String(row['step_name']),
    ...(partition === undefined ? {} : { partition }),
    phase: String(row['phase']) as SkippedItem['phase'],
    index: Number(row['index']),
    ...(item === undefined ? {} : { item: truncated ? item : (JSON.parse(item) as JsonValue) }),
    truncated,
    error: parsed(row['error']) ?? { name: 'Error', message: '' },
  };
}

function eventOf(row: SqlRow): JobEvent {
  const [stepName, partition] = [optionalText(row['step_name']), optionalNumber(row['partition'])];
  const status = optionalText(row['status']) as BatchStatus | undefined;
  return {
    kind: String(row['kind']) as JobEventKind,
    at: new Date(Number(row['at'])),
    executionId: String(row['execution_id']),
    jobName: String(row['job_name']),
    ...(stepName === undefined ? {} : { stepName }),
    ...(partition === undefined ? {} : { partition }),
    ...(status === undefined ? {} : { status }),
  };
}
