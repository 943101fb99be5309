import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Contender, type ContenderPlan } from '../harness/contender.ts';
import { CountingProxy } from '../harness/counting-proxy.ts';
import { type Verdict, verdict } from '../harness/report.ts';
import type { JudgedScenario } from '../harness/run-scenarios.ts';
import { neededRanges } from './needed-ranges.ts';

interface S3Bench {
  readonly endpoint: string;
  /** The local copy of the file. */
  readonly input: string;
  readonly rows: number;
}

const key = 'orders.parquet';
const mostOfNeeded = 1.2;

/** The scenarios of disk over a bucket of their own, which `stop` removes; the bytes that millrace gets are counted in a run of its own. */
export async function s3Scenarios({
  endpoint,
  input,
  rows,
}: S3Bench): Promise<{ readonly scenarios: readonly JudgedScenario[]; stop(): Promise<void> }> {
  const Bucket = `millrace-bench-${randomUUID()}`;
  const client = new S3Client({ endpoint, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
  await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(new PutObjectCommand({ Bucket, Key: key, Body: readFileSync(input), ACL: 'public-read' }));
  const { size: bytes } = statSync(input);

  const program = (name: string, script: string, ...args: readonly string[]): ContenderPlan => ({
    name,
    command: process.execPath,
    args: ['--expose-gc', '--no-warnings', `dist-bench/contenders/${script}.js`, ...args],
    env: { S3_ENDPOINT: endpoint },
  });
  const millrace = (query: string, workers: number): ContenderPlan =>
    program(
      `millrace, ${workers} worker${workers === 1 ? '' : 's'}`,
      'parquet',
      query,
      `s3://${Bucket}/${key}`,
      `s3://${Bucket}/${query}`,
      String(workers),
    );
  const other = (library: string, query: string, name: string): ContenderPlan =>
    program(name, 'parquet-s3', library, query, Bucket, key, input, String(query === 'filter' ? 100 : rows));
  const readers = (query: string): readonly ContenderPlan[] => [
    millrace(query, 1),
    millrace(query, 2),
    other('hyparquet', query, 'hyparquet'),
    other('parquet-wasm', query, 'parquet-wasm'),
    other('bytes-only', query, 'the bytes alone, by `fetch`'),
  ];
  const reading = (
    name: string,
    query: string,
    description: string,
    columns?: readonly string[],
    rowGroups?: number,
  ): JudgedScenario => ({
    scenario: { name: `s3: ${name}`, description, rows, bytes, contenders: readers(query), bars: [] },
    limits: async () => {
      const needed = neededRanges(input, columns, rowGroups).reduce((sum, { from, to }) => sum + to - from, 0);
      const plans = readers(query).filter(({ name }) => !name.startsWith('the bytes') && !name.endsWith('2 workers'));
      const verdicts: Verdict[] = [];
      for (const plan of plans) verdicts.push(await countBytes(plan, endpoint, needed));
      return verdicts;
    },
  });
  const scenarios = [
    reading(
      'all columns',
      'all',
      'All nine columns into Arrow columns; with hyparquet, into objects. DuckDB reads from S3 by an extension that it downloads, so it is not among them.',
    ),
    reading('two columns', 'two', 'Two of them.', ['quantity', 'price']),
    reading('row group', 'filter', 'A hundred rows of one row group, by a filter on `id`.', undefined, 1),
    {
      scenario: {
        name: 's3: write',
        description:
          'Rows that are in memory; the others write into memory or to disk and put the file with one request.',
        rows,
        bytes,
        contenders: [
          millrace('write', 2),
          other('duckdb', 'write', 'DuckDB, `COPY`, then a PUT'),
          other('parquet-wasm', 'write', 'parquet-wasm, an Arrow table, then a PUT'),
        ],
        bars: [],
      },
    },
  ];
  const stop = async (): Promise<void> => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const Objects = Contents.map(({ Key }) => ({ Key: Key ?? '' }));
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    await client.send(new DeleteBucketCommand({ Bucket }));
    client.destroy();
  };
  return { scenarios, stop };
}

/** What one run of a program gets of the file. The bar is ours; of the others it tells how they fare. */
async function countBytes(plan: ContenderPlan, endpoint: string, needed: number): Promise<Verdict> {
  const proxy = await CountingProxy.start(endpoint, key);
  try {
    const contender = await Contender.start({ ...plan, env: { ...plan.env, S3_ENDPOINT: proxy.origin } });
    await contender.run();
    await contender.stop();
    const { bytes, requests } = proxy.take();
    const times = (bytes / needed).toFixed(2);
    const text = `${plan.name} gets ${times} times the ${needed.toLocaleString('en-US')} bytes it needs, in ${requests} requests`;
    if (!plan.name.startsWith('millrace')) return { text, holds: true };
    return verdict(bytes <= mostOfNeeded * needed, `${text} (bar: ${mostOfNeeded})`);
  } finally {
    await proxy.stop();
  }
}
