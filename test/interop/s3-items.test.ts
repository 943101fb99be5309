import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { FileSystems } from '../../src/data/io/file-systems.ts';
import { openFileSystems } from '../../src/data/io/remote/open-file-systems.ts';
import { nameOf } from '../../src/data/io/uri.ts';
import type { ItemSink } from '../../src/jobs/definition/item-writer.ts';
import type { JsonValue } from '../../src/jobs/definition/json-value.ts';
import { jsonLinesReader } from '../../src/jobs/items/json-lines-reader.ts';
import { linesReader } from '../../src/jobs/items/lines-reader.ts';
import { jsonLinesWriter } from '../../src/jobs/items/text-writers.ts';
import { readAll, stepContext } from '../jobs/items/step-context.ts';

const bucket = `items-${randomUUID()}`;
const signal = new AbortController().signal;
let fileSystems: FileSystems;

beforeAll(async () => {
  const settings = inject('s3');
  const client = new S3Client(settings as ConstructorParameters<typeof S3Client>[0] & object);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  fileSystems = openFileSystems({ s3: settings });
});
afterAll(() => {
  fileSystems.close();
});

const context = (stepExecutionId: string) => stepContext({ stepExecutionId, fileSystems } as never);
const put = (uri: string, bytes: Buffer): void => {
  const file = fileSystems.of(uri).openWrite(uri);
  file.write(bytes);
  file.finish();
};

it('ST-200, ST-205: reads objects from everywhere, and says MR_INPUT_CHANGED when they are others', async () => {
  const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n} ä`);
  const [plain, packed] = [`s3://${bucket}/in.txt`, `s3://${bucket}/in.txt.gz`];
  put(plain, Buffer.from(lines.join('\n')));
  put(packed, gzipSync(lines.join('\n')));
  const c = context('read');
  for (const uri of [plain, packed]) {
    const { items, positions } = await readAll(linesReader(uri), 12_000, undefined, c);
    expect(items).toEqual(lines);
    expect((await readAll(linesReader(uri), 12_000, positions[1]?.position, c)).items).toEqual(lines.slice(12_000));
    put(uri, Buffer.from('other'));
    await expect(readAll(linesReader(uri), 10, positions[1]?.position, c)).rejects.toMatchObject({
      code: 'MR_INPUT_CHANGED',
    });
  }
});

it('ST-50: writes one object a chunk, and a manifest of what was committed', async () => {
  const uri = `s3://${bucket}/out`;
  const open = (run: string, state?: JsonValue): Promise<ItemSink<object>> =>
    Promise.resolve(jsonLinesWriter<object>(uri).open({ c: context(run), ...(state === undefined ? {} : { state }) }));
  const chunk = (firstIndex: number) => ({ firstIndex, key: `k/${firstIndex}-2`, signal });
  const frozen = await open('one');
  await frozen.write([{ n: 0 }, { n: 1 }], chunk(0));
  const state = JSON.parse(JSON.stringify(frozen.state?.())) as JsonValue;
  await frozen.write([{ n: 'lost' }], chunk(2));
  const next = await open('two', state);
  await next.write([{ n: 2 }], chunk(2));
  await frozen.write([{ n: 'zombie' }], chunk(4));
  await next.publish?.();
  await next.publish?.();
  const names = fileSystems
    .of(uri)
    .listRecursive(uri)
    .map((status) => nameOf(status.uri));
  expect(names).toHaveLength(4);
  expect(names).toEqual(expect.arrayContaining(['_SUCCESS', '_manifest.json']));
  const parts = names.filter((name) => name.startsWith('part-'));
  const read = await Promise.all(
    parts.map((name) => readAll(jsonLinesReader(`${uri}/${name}`), 10, undefined, context('read'))),
  );
  expect(read.flatMap(({ items }) => items).sort((a, b) => a.n - b.n)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  await expect(open('three')).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
});
