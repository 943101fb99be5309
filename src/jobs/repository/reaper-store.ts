import type { JobExecution } from '../definition/job-execution.ts';
import { ExecutionReader } from './execution-reader.ts';
import type { ExecutionStore } from './execution-store.ts';
import type { SqlTransaction } from './sql/database.ts';
import { isTransientSqlError } from './sql/transient-error.ts';
import { nowMs } from './sql-text.ts';
import { optionalText } from './step-columns.ts';

/** An active execution, as a reaper looks at it. */
export interface ActiveExecution {
  readonly id: string;
  readonly instanceId: string;
  readonly jobName: string;
  readonly fence: number;
  readonly owner: string | undefined;
  readonly isExpired: boolean;
  readonly parentStepId: string | undefined;
  readonly recoveries: number;
}

/** An active execution whose owner is gone. */
export interface Orphan extends ActiveExecution {
  /** Whether its process is known to be gone; else its lease must be over, by the store's time. */
  readonly isDead: boolean;
}

const active = "status in ('QUEUED', 'STARTING', 'STARTED', 'STOPPING')";

export async function activeExecutions(store: ExecutionStore, id?: string): Promise<readonly ActiveExecution[]> {
  const rows = await store.rows(
    store.database,
    `select id, instance_id, job_name, fence, owner, parent_step_id, recoveries, case when lease_until < ${nowMs[store.database.dialect]} then 1 else 0 end as expired from millrace_job_execution where ${active}${id === undefined ? '' : ' and id = ?'} order by id`,
    id === undefined ? [] : [id],
  );
  return rows.map((row) => ({
    id: String(row['id']),
    instanceId: String(row['instance_id']),
    jobName: String(row['job_name']),
    fence: Number(row['fence']),
    owner: optionalText(row['owner']),
    isExpired: Number(row['expired']) === 1,
    parentStepId: optionalText(row['parent_step_id']),
    recoveries: Number(row['recoveries']),
  }));
}

/**
 * Ends an orphan: a compare-and-set on its fence, which its old owner cannot write past (ST-23).
 *
 * @returns the execution as ended, or undefined when another was first, or the owner came back
 */
export async function reap(store: ExecutionStore, orphan: Orphan, now: number): Promise<JobExecution | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await reapOnce(store, orphan, now);
    } catch (error) {
      // Its owner locks steps first and the job last, a reaper the job first: one of them gives way.
      if (store.database.dialect === 'sqlite' || attempt >= mostTries || !isTransientSqlError(error)) throw error;
    }
  }
}

const mostTries = 10;

async function reapOnce(store: ExecutionStore, orphan: Orphan, now: number): Promise<JobExecution | undefined> {
  const transaction = await store.begin();
  try {
    const ended = await reapIn(store, transaction, orphan, now);
    if (ended === undefined) await transaction.rollback();
    else await transaction.commit();
    return ended;
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

/** As {@link reap}, in a transaction that does more. */
export async function reapIn(
  store: ExecutionStore,
  transaction: SqlTransaction,
  orphan: Orphan,
  now: number,
): Promise<JobExecution | undefined> {
  const { dialect } = transaction;
  const greatest = dialect === 'sqlite' ? 'max' : 'greatest';
  const failure = {
    name: 'MillraceError',
    code: 'MR_LEASE_LOST',
    message: 'The process that ran it ended, or lost its lease. A restart goes on from the last commit.',
  };
  const overdue = orphan.isDead ? '' : ` and lease_until < ${nowMs[dialect]}`;
  const reaped = await store.change(
    transaction,
    `update millrace_job_execution set fence = fence + 1, status = 'FAILED', exit_code = 'ORPHANED', failure = ?, start_time = coalesce(start_time, ?), end_time = ${greatest}(coalesce(start_time, ?), ?) where id = ? and fence = ? and ${active}${overdue}`,
    [JSON.stringify(failure), now, now, now, orphan.id, orphan.fence],
  );
  if (reaped !== 1) return undefined;
  await store.change(
    transaction,
    `update millrace_step_execution set status = 'FAILED', exit_code = 'ORPHANED', failure = ?, end_time = ${greatest}(coalesce(start_time, ?), ?) where execution_id = ? and ${active}`,
    [JSON.stringify(failure), now, now, orphan.id],
  );
  await store.change(
    transaction,
    'update millrace_job_execution set end_time = (select x.latest from (select max(s.end_time) as latest from millrace_step_execution s where s.execution_id = ?) x) where id = ? and end_time < (select y.latest from (select max(t.end_time) as latest from millrace_step_execution t where t.execution_id = ?) y)',
    [orphan.id, orphan.id, orphan.id],
  );
  await store.addEvent(transaction, orphan.id, orphan.jobName, {
    kind: 'executionOrphaned',
    at: now,
    status: 'FAILED',
  });
  return new ExecutionReader(transaction).execution(orphan.id);
}
