import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataSource, JobOperator, job, MillraceError } from '../../../src/jobs/index.ts';
import { openDatabase } from '../../../src/jobs/repository/sql/open-database.ts';
import { SqliteHandle } from '../../../src/jobs/repository/sql/sqlite-handle.ts';
import { failure, keptLog } from '../../conformance/jobs/harness.ts';
import { scratchDirectory } from '../../data/io/scratch.ts';

const scratch = scratchDirectory();
const create = (repository: string) => JobOperator.create({ repository, signals: false, logger: keptLog().logger });

/** Everything an error says, its causes and details included. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  const details = error instanceof MillraceError ? JSON.stringify(error.details) : '';
  return [error.message, error.stack, details, String(error.cause), said(error.cause)].join('\n');
}

describe('stores that cannot be used', () => {
  it('an unknown scheme, and what is no URL', async () => {
    for (const url of [
      'oracle://me:s3cret@host/db',
      'millrace.db',
      '',
      'sqlite:',
      'mysql:///nowhere',
      'postgres://me:s3cret@',
    ]) {
      const error = await failure(create(url));
      expect(error, url).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
      expect(said(error)).not.toContain('s3cret');
      expect(error.message, url).toMatch(/sqlite:file\.db|cannot be reached/);
    }
    expect(await failure(() => dataSource('nosql://x'))).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
  });

  it('a folder that is missing, a folder in place of a file, a file that is no database', async () => {
    mkdirSync(join(scratch, 'folder.db'));
    writeFileSync(join(scratch, 'text.db'), 'this is no database, but long enough to look like one'.repeat(100));
    for (const path of ['missing/store.db', 'folder.db', 'text.db']) {
      const error = await failure(create(`sqlite:${join(scratch, path)}`));
      expect(error, path).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
      expect(error.message).toContain(join(scratch, path));
    }
    expect(existsSync(join(scratch, 'missing'))).toBe(false);
  });

  it('a folder that may not be written', async () => {
    const folder = join(scratch, 'read-only');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    // Root writes everywhere but in /proc.
    const path = process.getuid?.() === 0 ? '/proc/store.db' : join(folder, 'store.db');
    const error = await failure(create(`sqlite:${path}`));
    expect(error).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
    expect(error.message).toContain(path);
    chmodSync(folder, 0o700);
  });

  it('a server that does not answer, without the password', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    for (const scheme of ['postgres', 'mysql']) {
      const error = await failure(create(`${scheme}://me:s3cret@127.0.0.1:${port}/jobs`));
      expect(error).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
      expect(error.message).toContain(`127.0.0.1:${port}`);
      expect(said(error)).not.toContain('s3cret');
    }
    await new Promise((resolve) => server.close(resolve));
  });

  it('a newer schema', async () => {
    const url = `sqlite:${join(scratch, 'newer.db')}`;
    await (await create(url)).close();
    const database = openDatabase(url);
    await database.run('insert into millrace_schema (version) values (999)');
    const error = await failure(create(url));
    expect(error).toMatchObject({ code: 'MR_REPOSITORY_TOO_NEW', details: { version: 999 } });
    expect(error.message).toMatch(/999.*Update millrace/);
    // Nothing was changed by the attempt.
    expect((await database.run('select count(*) as n from millrace_job_execution')).rows).toEqual([{ n: 0 }]);
    await database.close();
  });

  it('a store that another program locks is waited for, without stopping the event loop', async () => {
    const url = `sqlite:${join(scratch, 'locked.db')}`;
    await (await create(url)).close();
    const operator = await create(url);
    // A second connection that the operator's write queue does not know of: as another program.
    const other = new SqliteHandle(join(scratch, 'locked.db'));
    other.exec('begin immediate');
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
      if (turns === 20) other.exec('commit');
    }, 5);
    const execution = await operator.run(
      job('waits').step('a', (s) => s.task(() => 1)),
      { a: 1 },
    );
    clearInterval(turning);
    expect(execution.status).toBe('COMPLETED');
    expect(turns).toBeGreaterThanOrEqual(20);
    other.close();
    await operator.close();
  });

  it('several operators start on a new file at once', async () => {
    const url = `sqlite:${join(scratch, 'new.db')}`;
    const all = await Promise.all([1, 2, 3, 4].map(() => create(url)));
    await Promise.all(
      all.map((each, n) =>
        each.run(
          job(`n${n}`).step('a', (s) => s.task(() => n)),
          { n },
        ),
      ),
    );
    expect(await all[0]?.repository.executions({ status: ['COMPLETED'] })).toHaveLength(4);
    await Promise.all(all.map((each) => each.close()));
  });
});
