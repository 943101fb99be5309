import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyedReceiver, killAlong, type Scenario, type Surroundings } from '../jobs/kill/kill-runs.ts';
import { freshDatabases } from './support/fresh-databases.ts';
import { urlOf } from './support/server-url.ts';

let around: Surroundings;
beforeAll(async () => {
  around = { receiver: await KeyedReceiver.start() };
});
afterAll(() => around.receiver.close());

const points = ['beforeCommit', 'afterCommit', 'betweenRanges', 'beforePublish', 'beforeFinalStatus'];
const alone = { isScanned: true, partitions: 0, rows: 24, itemMs: 0 };

describe.each(['MILLRACE_POSTGRES_URL', 'MILLRACE_MYSQL_URL'] as const)(
  'a process that is killed, with %s',
  (setting) => {
    // A database of its own: whoever starts on one looks for orphans of all jobs there.
    const databases = freshDatabases(urlOf(setting));
    afterAll(() => databases.dropAll());

    it.each<[string, (server: string) => Scenario]>([
      ['a table of the repository', (own) => ({ ...alone, sink: 'table', databases: { own } })],
      ['a table, from partitions', (own) => ({ ...alone, partitions: 3, rows: 10, sink: 'table', databases: { own } })],
      ['a table beside a SQLite repository', (other) => ({ ...alone, sink: 'otherTable', databases: { other } })],
      ['a SQLite table beside the repository', (own) => ({ ...alone, sink: 'otherTable', databases: { own } })],
      ['a file', (own) => ({ ...alone, sink: 'csv', databases: { own } })],
    ])('ST-50: loses and doubles nothing in %s', { timeout: 240_000 }, async (_, scenarioOf) => {
      const verdict = await killAlong(scenarioOf(await databases.make()), points, around);
      expect(verdict).toEqual({ lost: 0, doubled: 0, missed: 0, problems: [] });
    });
  },
);
