import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { dataSource } from '../../../../src/jobs/repository/sql/data-source.ts';

it('runs over libsql, and over better-sqlite3 where that is installed', async () => {
  const wanted = process.env['MILLRACE_TEST_SQLITE'] ?? 'libsql';
  const db = dataSource('sqlite::memory:');
  expect(await db.query('select ? as one', [1])).toEqual([{ one: 1 }]);
  await db.close();
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  const drivers = ['better-sqlite3', 'libsql'].filter((name) =>
    loaded.some((path) => path.includes(`/node_modules/${name}/`)),
  );
  expect(drivers).toEqual([wanted]);
});
