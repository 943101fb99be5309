import { workerData } from 'node:worker_threads';
import { timerMs } from '../../base/timers.ts';
import { openDatabase } from '../repository/sql/open-database.ts';
import { renewLeases } from '../repository/sql-text.ts';

// The heartbeat of one operator, on a thread and a connection of its own: a step that never lets the event loop turn
// keeps its lease (ST-22).

export interface HeartbeatData {
  readonly url: string;
  readonly owner: string;
  readonly ttlMs: number;
  /**
   * Two BigInt64, on `process.hrtime`, in ms: when the leases were renewed last, and the end of the last gap so long that
   * a lease may have run out in it. After a gap the leases from before are not to be relied on, whatever was renewed since.
   */
  readonly renewedAt: SharedArrayBuffer;
  /**
   * Two Int32: whether the thread is inside the database, and whether it is to end. A thread that is ended inside libsql
   * takes the process with it (SIGABRT), so it says so, and goes in no more once it is to end.
   */
  readonly gate: SharedArrayBuffer;
}

const { url, owner, ttlMs, renewedAt, gate } = workerData as HeartbeatData;
const [isInside, isEnding] = [0, 1];
const gates = new Int32Array(gate);
const database = openDatabase(url, { poolSize: 1, busyTimeoutMs: ttlMs });
const shared = new BigInt64Array(renewedAt);
const renew = renewLeases(database.dialect);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, timerMs(ms)));
const hrtimeMs = (): bigint => process.hrtime.bigint() / 1_000_000n;
let lastMs = hrtimeMs();

for (;;) {
  const startedMs = hrtimeMs();
  let waitMs = ttlMs / 3;
  Atomics.store(gates, isInside, 1);
  try {
    if (Atomics.load(gates, isEnding) === 1) break;
    await database.run(renew, [ttlMs, owner]);
    const doneMs = hrtimeMs();
    if (Number(doneMs - lastMs) >= (ttlMs * 5) / 6) Atomics.store(shared, 1, doneMs);
    Atomics.store(shared, 0, startedMs);
    lastMs = startedMs;
  } catch (error) {
    // Tried again soon; the owner looks at the time of the last success and ends its work before the lease does.
    process.emitWarning(`millrace: the leases could not be renewed: ${String(error)}`);
    waitMs = ttlMs / 20;
  } finally {
    Atomics.store(gates, isInside, 0);
    Atomics.notify(gates, isInside);
  }
  await pause(waitMs);
}
