import type { BatchStatus } from '../definition/batch-status.ts';
import { instanceKey, type TypedParameter, typedParameters } from '../definition/instance-key.ts';
import type { JobExecution } from '../definition/job-execution.ts';
import type { ParameterValue, StoredParameter } from '../definition/job-parameters.ts';
import type { LaunchedExecution } from './execution-records.ts';
import type { ExecutionStore } from './execution-store.ts';
import { decideLaunch, type LaunchDecision, type LaunchWish } from './launch-decision.ts';
import { type Orphan, reapIn } from './reaper-store.ts';
import type { SqlRow, SqlTransaction } from './sql/database.ts';
import { isTransientSqlError } from './sql/transient-error.ts';
import { marks, nowMs } from './sql-text.ts';
import { optionalText } from './step-columns.ts';
import { decodeInput, encodeInput, encodeParameter } from './stored-values.ts';
import { isUniqueViolation } from './unique-violation.ts';
import { uuidV7 } from './uuid-v7.ts';

export interface LaunchRequest {
  /** Of the execution to be made. */
  readonly executionId: string;
  readonly jobName: string;
  /** All parameters, typed. */
  readonly parameters: readonly TypedParameter[];
  /** undefined: all identify. */
  readonly identity: readonly string[] | undefined;
  /** As given, before a schema. */
  readonly input: object;
  readonly wish: LaunchWish;
  readonly isNewRun: boolean;
  /** Only this instance is meant, not the newest with these parameters: a restart. */
  readonly instanceId?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly parentStepId?: string | undefined;
  /** Whether a reaper does it. */
  readonly isRecovery: boolean;
  /** What runs the instance and is to be ended by the launch: both or neither, wherever the process dies. */
  readonly orphan?: Orphan | undefined;
  readonly owner: string;
  readonly leaseTtlMs: number;
  readonly now: number;
}

export type LaunchOutcome =
  | {
      readonly kind: 'launched';
      readonly execution: LaunchedExecution;
      /** The orphan, as ended by this launch. */
      readonly ended?: JobExecution | undefined;
    }
  | { readonly kind: 'active'; readonly executionId: string; readonly owner: string | undefined }
  | {
      readonly kind: 'refused';
      readonly decision: Extract<LaunchDecision, { kind: 'refused' }>;
      readonly executionId: string;
    };

interface InstanceRow {
  readonly id: string;
  readonly createTime: number;
  readonly runId: number | undefined;
  readonly recoveries: number;
}

/** What a reaper was about to start again is not its any more: another ended it, or its owner did. */
export class OrphanIsTaken extends Error {}

const runIdName = 'run.id';
const mostTries = 50;

/**
 * Stores a launch: one short transaction that locks the instance's row, looks at its last execution and inserts the new
 * one. Two launchers meet at the lock; two first starts at the unique index (ST-20).
 */
export async function storeLaunch(store: ExecutionStore, request: LaunchRequest): Promise<LaunchOutcome> {
  for (let attempt = 1; ; attempt++) {
    const transaction = await store.begin();
    try {
      const outcome = await launchIn(store, transaction, request);
      if (outcome.kind === 'launched') await transaction.commit();
      else await transaction.rollback();
      return outcome;
    } catch (error) {
      await transaction.rollback();
      // Another launcher was first, with the instance or with the execution: look again.
      if (attempt >= mostTries || !(isUniqueViolation(error) || isTransientSqlError(error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(attempt, 10) * 5));
  }
}

async function launchIn(
  store: ExecutionStore,
  transaction: SqlTransaction,
  request: LaunchRequest,
): Promise<LaunchOutcome> {
  const { parameters, identity } = request;
  const identifies = (name: string): boolean => name === runIdName || identity === undefined || identity.includes(name);
  const identifying = parameters.filter(({ name }) => identifies(name));
  const baseKey = instanceKey(identifying.filter(({ name }) => name !== runIdName));
  const givesRunId = identifying.some(({ name }) => name === runIdName);
  const newest = await findInstance(store, transaction, request, identifying, baseKey, givesRunId);
  if (newest === undefined) {
    const runId = request.isNewRun ? 1 : undefined;
    return launchNew(store, transaction, request, identifying, baseKey, runId);
  }
  if (request.isNewRun) {
    return launchNew(store, transaction, request, identifying, baseKey, (newest.runId ?? 0) + 1);
  }
  const ended =
    request.orphan === undefined ? undefined : await reapIn(store, transaction, request.orphan, request.now);
  if (request.isRecovery && ended === undefined) throw new OrphanIsTaken();
  const last = await lastExecution(store, transaction, newest.id);
  const decision = decideLaunch(last?.status, request.wish);
  switch (decision.kind) {
    case 'active':
      return { kind: 'active', executionId: last?.id ?? '', owner: last?.owner };
    case 'refused':
      return { kind: 'refused', decision, executionId: last?.id ?? '' };
    case 'nextRun':
      return launchNew(store, transaction, request, identifying, baseKey, (newest.runId ?? 0) + 1);
    default:
      return { ...(await insertExecution(store, transaction, request, newest, decision.kind, last)), ended };
  }
}

async function findInstance(
  store: ExecutionStore,
  transaction: SqlTransaction,
  request: LaunchRequest,
  identifying: readonly TypedParameter[],
  baseKey: string,
  givesRunId: boolean,
): Promise<InstanceRow | undefined> {
  const lock = transaction.dialect === 'sqlite' ? '' : ' for update';
  const columns = 'select id, create_time, run_id, recoveries from millrace_job_instance where';
  const [row] =
    request.instanceId !== undefined
      ? await store.rows(transaction, `${columns} id = ?${lock}`, [request.instanceId])
      : givesRunId
        ? await store.rows(transaction, `${columns} job_name = ? and "key" = ?${lock}`, [
            request.jobName,
            instanceKey(identifying),
          ])
        : await store.rows(
            transaction,
            `${columns} job_name = ? and base_key = ? order by coalesce(run_id, 0) desc limit 1${lock}`,
            [request.jobName, baseKey],
          );
  return row === undefined ? undefined : instanceOf(row);
}

function instanceOf(row: SqlRow): InstanceRow {
  const runId = row['run_id'];
  return {
    id: String(row['id']),
    createTime: Number(row['create_time']),
    runId: runId === null || runId === undefined ? undefined : Number(runId),
    recoveries: Number(row['recoveries']),
  };
}

interface LastExecution {
  readonly id: string;
  readonly status: BatchStatus;
  readonly exitCode: string;
  readonly fence: number;
  readonly generation: number;
  readonly owner: string | undefined;
  readonly context: string | undefined;
}

async function lastExecution(
  store: ExecutionStore,
  transaction: SqlTransaction,
  instanceId: string,
): Promise<LastExecution | undefined> {
  const [row] = await store.rows(
    transaction,
    'select id, status, exit_code, fence, generation, owner, context from millrace_job_execution where instance_id = ? order by fence desc limit 1',
    [instanceId],
  );
  if (row === undefined) return undefined;
  return {
    id: String(row['id']),
    status: String(row['status']) as BatchStatus,
    exitCode: String(row['exit_code']),
    fence: Number(row['fence']),
    generation: Number(row['generation']),
    owner: optionalText(row['owner']),
    context: optionalText(row['context']),
  };
}

async function launchNew(
  store: ExecutionStore,
  transaction: SqlTransaction,
  request: LaunchRequest,
  identifying: readonly TypedParameter[],
  baseKey: string,
  runId: number | undefined,
): Promise<LaunchOutcome> {
  const added = runId === undefined ? [] : typedParameters(request.jobName, { [runIdName]: runId }, false);
  const own = identifying.filter(({ name }) => name !== runIdName || runId === undefined);
  const parameters = [...request.parameters.filter(({ name }) => name !== runIdName || runId === undefined), ...added];
  const given = own.find(({ name, type }) => name === runIdName && type === 'Integer');
  const instance: InstanceRow = {
    id: uuidV7(),
    createTime: request.now,
    runId: runId ?? (given === undefined ? undefined : Number(given.value)),
    recoveries: 0,
  };
  await store.change(
    transaction,
    'insert into millrace_job_instance (id, job_name, "key", base_key, run_id, recoveries, create_time) values (?, ?, ?, ?, ?, 0, ?)',
    [instance.id, request.jobName, instanceKey([...own, ...added]), baseKey, instance.runId ?? null, request.now],
  );
  return insertExecution(store, transaction, { ...request, parameters }, instance, 'first', undefined);
}

async function insertExecution(
  store: ExecutionStore,
  transaction: SqlTransaction,
  request: LaunchRequest,
  instance: InstanceRow,
  kind: 'first' | 'restart' | 'fromScratch' | 'noop',
  last: LastExecution | undefined,
): Promise<Extract<LaunchOutcome, { kind: 'launched' }>> {
  const continues = kind === 'restart' || kind === 'noop';
  const recoveries = request.isRecovery ? instance.recoveries + 1 : 0;
  if (recoveries !== instance.recoveries) {
    await store.change(transaction, 'update millrace_job_instance set recoveries = ? where id = ?', [
      recoveries,
      instance.id,
    ]);
  }
  const parameters = storedParameters(request, instance.runId);
  const generation = last === undefined ? 1 : continues ? last.generation : last.generation + 1;
  const execution: LaunchedExecution = {
    executionId: request.executionId,
    fence: (last?.fence ?? 0) + 1,
    instanceId: instance.id,
    jobName: request.jobName,
    generation,
    instanceTime: instance.createTime,
    createTime: request.now,
    parameters,
    previous: continues && last !== undefined ? { id: last.id, isOrphan: last.exitCode === 'ORPHANED' } : undefined,
    jobContext: continues ? last?.context : undefined,
    isNoop: kind === 'noop',
    recoveries,
    createdBy: request.createdBy,
  };
  const leaseUntil = `${nowMs[transaction.dialect]} + ?`;
  await store.change(
    transaction,
    `insert into millrace_job_execution (id, instance_id, job_name, status, exit_code, generation, parent_step_id, input, context, created_by, recoveries, create_time, owner, fence, lease_until, available_at) values (?, ?, ?, 'QUEUED', 'QUEUED', ?, ?, ?, ?, ?, ?, ?, ?, ?, ${leaseUntil}, ?)`,
    [
      execution.executionId,
      instance.id,
      request.jobName,
      generation,
      request.parentStepId ?? null,
      encodeInput(request.input),
      execution.jobContext ?? null,
      request.createdBy ?? null,
      recoveries,
      request.now,
      request.owner,
      execution.fence,
      request.leaseTtlMs,
      request.now,
    ],
  );
  for (const [position, { name, type, value, identifying }] of parameters.entries()) {
    await store.change(
      transaction,
      `insert into millrace_job_parameter (id, execution_id, name, type, value, identifying, position) values (${marks(7)})`,
      [uuidV7(), execution.executionId, name, type, encodeParameter(value), identifying ? 1 : 0, position],
    );
  }
  if (request.isRecovery) {
    await store.addEvent(transaction, execution.executionId, request.jobName, {
      kind: 'executionRecovered',
      at: request.now,
    });
  }
  return { kind: 'launched', execution };
}

/** With the run id of the instance, also when a restart does not name it. */
function storedParameters(request: LaunchRequest, runId: number | undefined): readonly StoredParameter[] {
  const { parameters, identity } = request;
  const stored = parameters.map(({ name, type, value }) => ({
    name,
    type,
    value,
    identifying: name === runIdName || identity === undefined || identity.includes(name),
  }));
  if (runId !== undefined && !stored.some(({ name }) => name === runIdName)) {
    stored.push({ name: runIdName, type: 'Integer', value: runId, identifying: true });
  }
  return stored;
}

/** What a restart launches again: the job, its instance and the input of the execution. */
export async function launchedInput(
  store: ExecutionStore,
  executionId: string,
): Promise<
  | {
      readonly jobName: string;
      readonly instanceId: string;
      readonly parentStepId: string | undefined;
      readonly input: Record<string, ParameterValue>;
    }
  | undefined
> {
  const [row] = await store.rows(
    store.database,
    'select job_name, instance_id, parent_step_id, input from millrace_job_execution where id = ?',
    [executionId],
  );
  if (row === undefined) return undefined;
  return {
    jobName: String(row['job_name']),
    instanceId: String(row['instance_id']),
    parentStepId: optionalText(row['parent_step_id']),
    input: decodeInput(String(row['input'])),
  };
}
