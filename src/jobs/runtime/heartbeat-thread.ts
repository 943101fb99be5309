import { workerData } from 'node:worker_threads';
import { openDatabase } from '../repository/sql/open-database.ts';
import { dialectSql, nowMs } from '../repository/sql-text.ts';

// The heartbeat of one operator, on a thread and a connection of its own: a step that never lets the event loop turn
// keeps its lease (ST-22).

export interface HeartbeatData {
  readonly url: string;
  readonly owner: string;
  readonly ttlMs: number;
  /** One BigInt64: when the leases were renewed last, on `process.hrtime`, in ms. */
  readonly renewedAt: SharedArrayBuffer;
}

const { url, owner, ttlMs, renewedAt } = workerData as HeartbeatData;
const database = openDatabase(url, { poolSize: 1, busyTimeoutMs: ttlMs });
const shared = new BigInt64Array(renewedAt);
const renew = dialectSql(
  `update millrace_job_execution set lease_until = ${nowMs[database.dialect]} + ? where owner = ? and status in ('QUEUED', 'STARTING', 'STARTED', 'STOPPING')`,
  database.dialect,
);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (;;) {
  const startedMs = process.hrtime.bigint() / 1_000_000n;
  let waitMs = ttlMs / 3;
  try {
    await database.run(renew, [ttlMs, owner]);
    Atomics.store(shared, 0, startedMs);
  } catch (error) {
    // Tried again soon; the owner looks at the time of the last success and ends its work before the lease does.
    process.emitWarning(`millrace: the leases could not be renewed: ${String(error)}`);
    waitMs = ttlMs / 20;
  }
  await pause(waitMs);
}
