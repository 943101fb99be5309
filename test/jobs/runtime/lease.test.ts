import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { JobOperator, job } from '../../../src/jobs/index.ts';
import { SqliteHandle } from '../../../src/jobs/repository/sql/sqlite-handle.ts';
import { aborted, gate, keptLog, kinds, step, until } from '../../conformance/jobs/harness.ts';
import { scratchDirectory } from '../../data/io/scratch.ts';

const scratch = scratchDirectory();
const operators: JobOperator[] = [];
let stores = 0;

afterEach(async () => {
  await Promise.all(operators.splice(0).map((operator) => operator.close()));
});

async function create(path: string, options: Parameters<typeof JobOperator.create>[0] = {}): Promise<JobOperator> {
  const { logger } = keptLog();
  const operator = await JobOperator.create({ repository: `sqlite:${path}`, signals: false, logger, ...options });
  operators.push(operator);
  return operator;
}

describe('an owner that cannot renew its lease', () => {
  it('ST-25: aborts its work before the lease is over, and is ended and resumed when the store can be written', async () => {
    const path = join(scratch, `locked${stores++}.db`);
    const begun = gate();
    const abortedAt = gate();
    const made = job('locked').step('work', (s) =>
      s.task(async (c) => {
        if (c.isRestart) return 'resumed';
        begun.open();
        try {
          return await aborted(c.signal);
        } catch (error) {
          abortedAt.open();
          throw error;
        }
      }),
    );
    const operator = await create(path, { leaseTtlMs: 3000, jobs: [made] });
    const lost: string[] = [];
    operator.on('leaseLost', ({ executionId }) => lost.push(executionId));
    const handle = await operator.launch(made, { a: 1 });
    await begun.opened;
    // The operators know nothing of this connection, as of that of another program.
    const locking = new SqliteHandle(path);
    await until(() => {
      try {
        locking.exec('begin immediate');
        return true;
      } catch {
        return false;
      }
    });
    await abortedAt.opened;
    locking.exec('rollback');
    locking.close();
    const first = await handle.finished();
    expect(first).toMatchObject({ status: 'FAILED', exitCode: 'ORPHANED' });
    expect(lost).toEqual([handle.executionId]);
    expect(kinds(await operator.repository.events(handle.executionId))).toEqual(
      expect.arrayContaining(['leaseLost', 'executionOrphaned']),
    );
    await until(async () => {
      const [newest] = await operator.repository.executions({ jobName: 'locked' });
      return newest?.status === 'COMPLETED';
    });
    const [second] = await operator.repository.executions({ jobName: 'locked' });
    expect(second).toMatchObject({ recoveries: 1, instanceId: handle.instanceId });
    expect(step(second as never, 'work').result).toBe('resumed');
  });

  it('leases and drains of any length are taken, also without an end', async () => {
    const path = join(scratch, `long${stores++}.db`);
    const operator = await create(path, { leaseTtlMs: 1e12, drainMs: Number.POSITIVE_INFINITY });
    const ends = gate();
    const made = job('long').step('work', (s) =>
      s.task(async (c) => {
        ends.open();
        await aborted(c.signal).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return 'ended in its own time';
      }),
    );
    const handle = await operator.launch(made, { a: 1 });
    await ends.opened;
    await operator.close();
    expect(step(await handle.finished(), 'work').result).toBe('ended in its own time');
  });
});
