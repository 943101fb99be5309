import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyJob,
  FILTER,
  type ItemWriter,
  JobOperator,
  job,
  listReader,
  type StepCounts,
  tableWriter,
} from '../../../src/jobs/index.ts';
import { finish, freshOperator, silent } from './chunk-support.ts';

type Fate = 'kept' | 'filtered' | 'badItem' | 'badRow';
interface Setting {
  readonly size: number;
  readonly fetchSize: number;
  readonly concurrency: number;
  readonly partitions: number;
}

const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate>('kept') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('filtered', 'badItem', 'badRow') },
  ),
  { maxLength: 60 },
);
const setting: fc.Arbitrary<Setting> = fc.record({
  size: fc.integer({ min: 1, max: 20 }),
  fetchSize: fc.integer({ min: 1, max: 20 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  partitions: fc.integer({ min: 0, max: 4 }),
});

class Bad extends Error {
  override readonly name = 'Bad';
}

let tables = 0;

/** A job whose items have the fates, into a table that refuses bad rows. */
function jobOf(table: string, items: readonly Fate[], { size, fetchSize, concurrency, partitions }: Setting): AnyJob {
  const rows = items.map((fate, index) => ({ fate, index }));
  const inner = tableWriter<{ n: number; bad: number }>(table);
  const writer = inner as ItemWriter<{ n: number; bad: number }>;
  return job(table).step('s', (s) =>
    (partitions === 0 ? s.read(listReader(rows)) : s.partitions(partitions).read(() => listReader(rows)))
      .process(async ({ fate, index }) => {
        if (index % 3 === 0) await null;
        if (fate === 'badItem') throw new Bad(`item ${index}`);
        return fate === 'filtered' ? FILTER : { n: index, bad: fate === 'badRow' ? 1 : 0 };
      })
      .chunk(size, { fetchSize })
      .concurrency(concurrency)
      .skip([Bad, 'SQLITE_CONSTRAINT_CHECK'], { limit: Number.POSITIVE_INFINITY })
      .write(writer),
  );
}

async function outcome(operator: JobOperator, table: string, instanceId: string) {
  const rows = await operator.dataSource.query<{ n: number }>(`select n from ${table} order by n`);
  const skipped = await operator.repository.skippedItems({ instanceId });
  const { read, filter, write, processSkip, writeSkip } =
    (await operator.repository.instance(instanceId)).counts['s'] ?? ({} as StepCounts);
  return {
    rows: rows.map(({ n }) => n),
    skipped: skipped.map(({ phase, item }) => `${(item as { index: number }).index} ${phase}`).sort(),
    counts: { read, filter, write, processSkip, writeSkip },
  };
}

function wanted(items: readonly Fate[]) {
  const of = (fate: Fate): number[] => items.flatMap((each, index) => (each === fate ? [index] : []));
  const [rows, filtered, badItems, badRows] = [of('kept'), of('filtered'), of('badItem'), of('badRow')];
  return {
    rows,
    skipped: [...badItems.map((index) => `${index} process`), ...badRows.map((index) => `${index} write`)].sort(),
    counts: {
      read: items.length,
      filter: filtered.length,
      write: rows.length,
      processSkip: badItems.length,
      writeSkip: badRows.length,
    },
  };
}

async function freshTable(operator: JobOperator): Promise<string> {
  const table = `law_${++tables}`;
  await operator.dataSource.execute(`create table ${table} (n integer, bad integer check (bad = 0))`);
  return table;
}

/** read = write + filter + processSkip + writeSkip in every row of the store. */
async function expectSums(operator: JobOperator): Promise<void> {
  const wrong = await operator.dataSource.query(
    'select * from millrace_step_execution where read_count <> write_count + filter_count + process_skip_count + write_skip_count',
  );
  expect(wrong).toEqual([]);
}

describe('laws of chunk steps', () => {
  it('ST-41: rows, skips and counts do not depend on sizes, concurrency and partitions', async () => {
    const operator = await freshOperator();
    await fc.assert(
      fc.asyncProperty(fates, setting, async (items, how) => {
        const table = await freshTable(operator);
        const { instanceId, status } = await finish(operator, jobOf(table, items, how));
        expect(status).toBe('COMPLETED');
        expect(await outcome(operator, table, instanceId)).toEqual(wanted(items));
      }),
      { numRuns: 60 },
    );
    await expectSums(operator);
  });

  it('ST-36: a crash after any commit, any number of times, changes nothing, whatever the sizes are afterwards', async () => {
    let crashAfter = Number.POSITIVE_INFINITY;
    const operator = await freshOperator({
      probe: (point) => {
        if ((point === 'afterCommit' || point === 'betweenRanges') && --crashAfter === 0) throw new Error('crash');
      },
    });
    await fc.assert(
      fc.asyncProperty(
        fates,
        fc.array(fc.record({ how: setting, commits: fc.integer({ min: 1, max: 6 }) }), { maxLength: 4 }),
        setting,
        fc.integer({ min: 0, max: 4 }),
        async (items, crashes, last, partitions) => {
          const table = await freshTable(operator);
          for (const { how, commits } of crashes) {
            crashAfter = commits;
            const { status } = await finish(operator, jobOf(table, items, { ...how, partitions }));
            crashAfter = Number.POSITIVE_INFINITY;
            if (status === 'COMPLETED') break;
          }
          const handle = await operator.launch(
            jobOf(table, items, { ...last, partitions }),
            { id: 1 },
            { onComplete: 'noop' },
          );
          const { instanceId, status } = await handle.finished();
          expect(status).toBe('COMPLETED');
          expect(await outcome(operator, table, instanceId)).toEqual(wanted(items));
        },
      ),
      { numRuns: 60 },
    );
    await expectSums(operator);
  });

  it('ST-37: counts of commits and rollbacks do not depend on concurrency and fetch size', async () => {
    const operator = await freshOperator();
    await fc.assert(
      fc.asyncProperty(fates, fc.integer({ min: 1, max: 12 }), setting, setting, async (items, size, one, other) => {
        const counts: unknown[] = [];
        for (const how of [one, other]) {
          const table = await freshTable(operator);
          const { steps } = await finish(operator, jobOf(table, items, { ...how, size, partitions: 0 }));
          counts.push(steps[0]?.counts);
        }
        expect(counts[0]).toEqual(counts[1]);
      }),
      { numRuns: 30 },
    );
  });

  it('ST-33: transactions that fail at random are tried again until all is right', async () => {
    const fault = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fates, setting, fault, async (items, how, faults) => {
        let at = 0;
        const operator = await JobOperator.create({
          repository: 'sqlite::memory:',
          signals: false,
          logger: silent,
          probe: (point) => {
            if (point === 'beforeCommit' && faults[at++] === true)
              throw Object.assign(new Error('busy'), { code: 'SQLITE_BUSY' });
          },
          clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
        });
        try {
          const table = await freshTable(operator);
          const patient = jobOf(table, items, how);
          const handle = await operator.launch(patient, { id: 1 });
          let { instanceId, status } = await handle.finished();
          // Four tries may all have failed.
          for (let again = 0; status === 'FAILED' && again < 20; again++)
            ({ instanceId, status } = await finish(operator, patient));
          expect(status).toBe('COMPLETED');
          expect(await outcome(operator, table, instanceId)).toEqual(wanted(items));
        } finally {
          await operator.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});
