import type { SkipRecord, StepRecord } from './execution-records.ts';
import type { ExecutionStore } from './execution-store.ts';
import { inTransaction, type SqlConnection } from './sql/database.ts';
import { uuidV7 } from './uuid-v7.ts';

/** Rows of items that were skipped. */
export async function writeSkips(
  store: ExecutionStore,
  connection: SqlConnection,
  step: StepRecord,
  instanceId: string,
  skips: readonly SkipRecord[],
): Promise<void> {
  for (const { item, itemText } of skips) {
    await store.change(
      connection,
      'insert into millrace_skipped_item (id, execution_id, instance_id, step_execution_id, step_name, "partition", phase, "index", item, truncated, error) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        uuidV7(),
        step.executionId,
        instanceId,
        step.id,
        item.stepName,
        item.partition ?? null,
        item.phase,
        item.index,
        itemText ?? null,
        item.truncated ? 1 : 0,
        JSON.stringify(item.error),
      ],
    );
  }
}

/** Adds to the skips of the instance's step, unless that would pass the limit (ST-71). */
export async function addSkips(
  store: ExecutionStore,
  connection: SqlConnection,
  stepInstanceId: string,
  count: number,
  limit: number,
): Promise<boolean> {
  const bound = limit === Number.POSITIVE_INFINITY ? '' : ' and skip_count + ? <= ?';
  const changed = await store.change(
    connection,
    `update millrace_step_instance set skip_count = skip_count + ? where id = ?${bound}`,
    [count, stepInstanceId, ...(bound === '' ? [] : [count, limit])],
  );
  return changed === 1;
}

/** How many items of a step and its partitions this execution has skipped. */
export async function skipsOf(store: ExecutionStore, connection: SqlConnection, step: StepRecord): Promise<number> {
  const [row] = await store.rows(
    connection,
    'select count(*) as skipped from millrace_skipped_item where execution_id = ? and step_name = ?',
    [step.executionId, step.name],
  );
  return Number(row?.['skipped']);
}

/** Whether the progress of a step is stored already. Waits for a transaction that may be storing it. */
export async function hasProgress(store: ExecutionStore, step: StepRecord): Promise<boolean> {
  return inTransaction(store.database, async (transaction) => {
    const lock = transaction.dialect === 'sqlite' ? '' : ' for update';
    const [row] = await store.rows(
      transaction,
      `select checkpoint, commit_count from millrace_step_execution where id = ?${lock}`,
      [step.id],
    );
    return row?.['checkpoint'] === step.checkpoint && Number(row?.['commit_count']) === step.counts.commit;
  });
}
