import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  binaryReader,
  csvReader,
  fixedLengthReader,
  httpReader,
  type ItemReader,
  JobOperator,
  job,
  jsonLinesReader,
  jsonReader,
  linesReader,
  listReader,
  sqlReader,
  transactionalWriter,
  xmlReader,
} from '../../../src/jobs/index.ts';
import { scratchDirectory } from '../../data/io/scratch.ts';

/** Records of every input, and those that cannot be read. */
const count = 60;
const badAt = [7, 8, 30, 59];
const numbers = Array.from({ length: count }, (_, n) => n);
const good = numbers.filter((n) => !badAt.includes(n));

const scratch = scratchDirectory();
const text = (line: (n: number) => string, bad: string): string =>
  numbers.map((n) => (badAt.includes(n) ? bad : line(n))).join('\n');

/** Every reader over the numbers; `hasBad`: some of its records cannot be read. */
interface Input {
  readonly name: string;
  readonly hasBad: boolean;
  readonly make: (operator: JobOperator) => ItemReader<unknown>;
  readonly numberOf: (item: never) => number;
}

const csv = text((n) => `${n},"a ""quoted"" name\n${n}"`, 'one field');
const json = text((n) => `{"n":${n},"text":"],[{\\""}`, '{"n":');
const jsonArray = `[${numbers.map((n) => (badAt.includes(n) ? '{"n" 5}' : `{"n":${n}}`)).join(' ,\n')}]`;

function file(name: string, content: string | Buffer): string {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

const ofN = (item: { readonly n: number | string }): number => Number(item.n);
const inputs: Input[] = [
  ...['', '.gz', '.br'].map((suffix): Input => {
    const bytes = Buffer.from(`n,name\n${csv}`);
    const packed = suffix === '.gz' ? gzipSync(bytes) : suffix === '.br' ? brotliCompressSync(bytes) : bytes;
    return {
      name: `csvReader${suffix}`,
      hasBad: true,
      make: () => csvReader(file(`in.csv${suffix}`, packed)),
      numberOf: ofN,
    };
  }),
  { name: 'jsonLinesReader', hasBad: true, make: () => jsonLinesReader(file('in.ndjson', json)), numberOf: ofN },
  { name: 'jsonReader', hasBad: true, make: () => jsonReader(file('in.json', jsonArray)), numberOf: ofN },
  {
    name: 'linesReader',
    hasBad: false,
    make: () =>
      linesReader(file('in.txt', Buffer.from(`\ufeff${numbers.join('\r\n')}`, 'utf16le')), { encoding: 'utf-16le' }),
    numberOf: Number,
  },
  {
    name: 'fixedLengthReader',
    hasBad: true,
    make: () =>
      fixedLengthReader(
        file(
          'in.fixed',
          text((n) => String(n).padEnd(4), '1'),
        ),
        { fields: [{ name: 'n', length: 4 }] },
      ),
    numberOf: ofN,
  },
  {
    name: 'binaryReader',
    hasBad: false,
    make: () => {
      const records = numbers.map((n) => Buffer.concat([Buffer.from([0, 1 + (n % 3), n]), Buffer.alloc(n % 3)]));
      return binaryReader(file('in.bin', Buffer.concat(records)), { lengthPrefix: 'uint16be' });
    },
    numberOf: (bytes: Buffer) => bytes[0] ?? -1,
  },
  {
    name: 'xmlReader',
    hasBad: false,
    make: () =>
      xmlReader(file('in.xml', `<r>${numbers.map((n) => `<i n="${n}"><t>x</t></i>`).join('\n')}</r>`), {
        element: 'i',
      }),
    numberOf: (item: { readonly '@n': string }) => Number(item['@n']),
  },
  {
    name: 'sqlReader',
    hasBad: false,
    make: () =>
      sqlReader({ query: 'select a, b, n from pairs where n >= ?', parameters: [0], key: ['a', 'b'], pageSize: 7 }),
    numberOf: ofN,
  },
  {
    name: 'httpReader',
    hasBad: false,
    make: () =>
      httpReader<number>({ url: `${origin}/?page=0`, items: (body) => body.items, next: (body) => body.next }),
    numberOf: Number,
  },
  { name: 'listReader', hasBad: false, make: () => listReader(numbers), numberOf: Number },
];

let origin = '';
let server: Server;
beforeAll(async () => {
  server = createServer(({ url = '' }, response) => {
    const page = Number(new URL(url, 'http://localhost').searchParams.get('page'));
    const items = numbers.slice(page * 11, (page + 1) * 11);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items, next: items.length < 11 ? null : `?page=${page + 1}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

describe.each(inputs)('$name in a job', ({ hasBad, make, numberOf }) => {
  it('ST-36, ST-200: rows, skips and counts are the same for any chunk size, fetch size and crashes', async () => {
    const plan = fc.record({
      size: fc.integer({ min: 1, max: 17 }),
      fetchSize: fc.integer({ min: 1, max: 17 }),
      crashes: fc.array(fc.integer({ min: 0, max: count - 1 }), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ size, fetchSize, crashes }) => {
        const toCome = new Set(crashes);
        const operator = await JobOperator.create({
          repository: 'sqlite::memory:',
          signals: false,
          probe: (point, { firstIndex = -1 }) => {
            if ((point !== 'afterCommit' && point !== 'beforeCommit') || !toCome.delete(firstIndex)) return;
            throw new Error('crash');
          },
        });
        try {
          const { dataSource } = operator;
          await dataSource.execute('create table rows (n integer)');
          await dataSource.execute('create table pairs (a integer, b integer, n integer)');
          for (const n of numbers)
            await dataSource.execute('insert into pairs values (?, ?, ?)', [Math.floor(n / 8), n % 8, n]);
          const copy = job<{ day: string }>('copy').step('copy', (s) =>
            s
              .read(make(operator))
              .process((item) => numberOf(item as never))
              .chunk(size, { fetchSize })
              .skip('MR_PARSE', { limit: badAt.length })
              .write(
                transactionalWriter(async (items, tx) => {
                  for (const n of items) await tx.execute('insert into rows values (?)', [n]);
                }),
              ),
          );
          let executions = 0;
          for (let status = 'FAILED'; status === 'FAILED' && executions <= crashes.length; executions++) {
            ({ status } = await (await operator.launch(copy, { day: 'x' })).finished());
          }
          const rows = await dataSource.query<{ n: number }>('select n from rows order by rowid');
          expect(rows.map(({ n }) => n)).toEqual(hasBad ? good : numbers);
          const [instance] = await operator.repository.instances();
          const skipped = await operator.repository.skippedItems({ instanceId: instance?.id ?? '' });
          expect(skipped.map(({ index }) => index)).toEqual(hasBad ? badAt : []);
          const skips = hasBad ? badAt.length : 0;
          expect(instance?.counts['copy']).toMatchObject({
            read: count - skips,
            write: count - skips,
            readSkip: skips,
          });
        } finally {
          await operator.close();
        }
      }),
      { numRuns: 8 },
    );
  });
});

describe('a record that cannot be read', () => {
  it('ST-204: is not lost by a step that retries its error: the reader is past it already', async () => {
    const path = file('bad.csv', 'a,b\n1,2\n3\n5,6\n');
    const operator = await JobOperator.create({ repository: 'sqlite::memory:', signals: false });
    try {
      const read = (skips: string[]) =>
        job('read').step('read', (s) =>
          s
            .read(csvReader(path))
            .retry(['MR_PARSE'], { maxAttempts: 3, baseDelayMs: 0 })
            .skip(skips)
            .write(() => undefined),
        );
      const failed = await (await operator.launch(read([]))).finished();
      expect(failed).toMatchObject({ status: 'FAILED', failure: { code: 'MR_PARSE' } });
      const skipping = await operator.run(read(['MR_PARSE']));
      expect(skipping.steps[0]?.counts).toMatchObject({ read: 2, readSkip: 1, write: 2, retry: 0 });
    } finally {
      await operator.close();
    }
  });

  it('ends a step though it skips: nothing can be told behind damaged data', async () => {
    const lines = Array.from({ length: 100_000 }, (_, n) => `${(n * 7919) % 10007},${n}`).join('\n');
    const whole = gzipSync(lines);
    const path = file('cut.csv.gz', whole.subarray(0, Math.floor(whole.length * 0.8)));
    const operator = await JobOperator.create({ repository: 'sqlite::memory:', signals: false });
    try {
      const read = job('cut').step('read', (s) =>
        s
          .read(csvReader(path, { header: false }))
          .chunk(1000)
          .skip('MR_PARSE', { limit: Number.POSITIVE_INFINITY })
          .write(() => undefined),
      );
      const execution = await (await operator.launch(read)).finished();
      expect(execution).toMatchObject({ status: 'FAILED', failure: { cause: { code: 'MR_PARSE' } } });
      expect(execution.failure?.message).toContain(path);
      expect(execution.steps[0]?.counts.write).toBeGreaterThan(0);
    } finally {
      await operator.close();
    }
  });
});
