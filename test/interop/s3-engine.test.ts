import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type EngineEvent, MillraceContext } from '../../src/index.ts';

const bucket = `engine-${randomUUID()}`;
let sc: MillraceContext;

beforeAll(async () => {
  const settings = inject('s3');
  const client = new S3Client(settings as ConstructorParameters<typeof S3Client>[0] & object);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off', s3: settings });
});
afterAll(() => sc.stop());

it('writes from worker threads and reads back text, JSON lines and Parquet, whole and by glob', async () => {
  const rows = Array.from({ length: 1000 }, (_, n) => ({ n, text: `row ${n} äöü` }));
  const rdd = sc.parallelize(rows, 4);
  expect(await rdd.map(({ text }) => text).saveAsTextFile(`s3://${bucket}/text`)).toMatchObject({
    files: 4,
    rows: 1000,
  });
  expect(await sc.textFile(`s3://${bucket}/text`).collect()).toEqual(rows.map(({ text }) => text));
  await rdd.saveAsJsonLines(`s3://${bucket}/json`, { compression: 'gzip' });
  expect((await sc.jsonLines(`s3://${bucket}/json`).collect()).length).toBe(1000);
  await rdd.saveAsParquet(`s3://${bucket}/parquet`);
  expect(
    await sc
      .parquet(`s3://${bucket}/parquet`, { columns: ['n'] })
      .map(({ n }) => n as number)
      .sum(),
  ).toBe(499_500);
  const counts = await sc
    .textFile(`s3://${bucket}/text`)
    .map((line) => [line.length, 1] as const)
    .reduceByKey((a, b) => a + b)
    .collectAsMap();
  expect([...counts.values()].reduce((a, b) => a + b)).toBe(1000);
});

it('refuses an output that exists, replaces it whole, and tells no secret', async () => {
  const heard: EngineEvent[] = [];
  const off = sc.on('*', (event) => heard.push(event));
  const path = `s3://${bucket}/again`;
  await sc.parallelize(['old'], 1).saveAsTextFile(path);
  await expect(sc.parallelize(['new'], 1).saveAsTextFile(path)).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
  const failing = sc.range(0, 4, 1, 2).map((n) => {
    if (n === 3) throw new Error('late');
    return n;
  });
  await expect(failing.saveAsTextFile(path, { mode: 'overwrite' })).rejects.toThrow('late');
  expect(await sc.textFile(path).collect()).toEqual(['old']);
  await sc.parallelize(['new'], 1).saveAsTextFile(path, { mode: 'overwrite' });
  expect(await sc.textFile(path).collect()).toEqual(['new']);
  const missing = await sc
    .textFile(`s3://${bucket}/nothing`)
    .collect()
    .catch((error: Error) => error);
  expect((missing as Error).message).toContain(`s3://${bucket}/nothing`);
  off();
  const secret = String(inject('s3').credentials?.secretAccessKey);
  expect(secret.length).toBeGreaterThan(4);
  expect(JSON.stringify([heard, sc.textFile(path).explain(), String((missing as Error).stack)])).not.toContain(secret);
});
