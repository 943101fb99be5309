import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cleanOutput } from '../../src/data/io/clean-output.ts';
import { FileSystems } from '../../src/data/io/file-systems.ts';
import { OutputCommitter } from '../../src/data/io/output-committer.ts';
import type { OutputSettings, OutputSpec, StagedPart } from '../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../src/data/io/part-writer.ts';
import { IoBridge } from '../../src/data/io/remote/io-bridge.ts';
import type { S3Settings } from '../../src/data/io/remote/io-protocol.ts';
import { S3FileSystem } from '../../src/data/io/remote/s3-file-system.ts';
import { joinUri } from '../../src/data/io/uri.ts';
import { fileSystemConformance, get } from '../conformance/file-systems.ts';
import { killedWriterConformance } from '../conformance/killed-writer.ts';
import { readParts, readRows } from '../data/io/scratch.ts';
import { FaultyProxy } from './support/faulty-proxy.ts';

const settings = inject('s3');
const bucket = `millrace-${process.pid}`;
const system = new S3FileSystem(new IoBridge(settings));
const fileSystems = new FileSystems([system]);
const client = new S3Client(settings as object);
let directories = 0;
const freshDirectory = (): string => `s3://${bucket}/run ${process.pid}/d${directories++}`;

beforeAll(async () => {
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
});
afterAll(() => {
  client.destroy();
  system.close();
});

describe('s3:', () => {
  fileSystemConformance(() => ({ system, freshDirectory }));
});

describe('a writer to S3', () => {
  killedWriterConformance(() => ({
    system,
    makeSystem: `
      import { IoBridge } from 'BUILT/remote/io-bridge.js';
      import { S3FileSystem } from 'BUILT/remote/s3-file-system.js';
      const system = new S3FileSystem(new IoBridge(${JSON.stringify(settings)}));`,
    freshOutput: freshDirectory,
    leftovers: (output) =>
      system
        .listRecursive(output)
        .map(({ uri }) => uri.slice(output.length + 1))
        .filter((name) => !/^(_SUCCESS|(k=\w\/)?part-0000\d-\w+(\.jsonl)?)$/.test(name)),
  }));

  it('leaves no upload behind, neither of a commit nor of an abort nor of a killed process', async () => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);
  });

  it('writes CSV and Parquet in partitions and reads them back, in splits', () => {
    const rows = Array.from({ length: 30_000 }, (_, id) => ({ id, name: `name, "${id}"`, k: id % 3 }));
    for (const format of ['csv', 'parquet', 'jsonLines'] as const) {
      const output = freshDirectory();
      const spec = { format, uri: output, mode: 'error', options: { partitionBy: ['k'] } } as OutputSpec;
      const committer = new OutputCommitter(spec, 'save', { fileSystems });
      const staging = structuredClone(committer.begin());
      const parts = [0, 1].map((partition) => {
        const writer = createPartWriter(staging, partition, 0, { fileSystems });
        writer.write(rows.slice(partition * 15_000, (partition + 1) * 15_000));
        return structuredClone(writer.finish());
      });
      expect(() => readRows({ format: 'text', paths: [output], options: {} }, { fileSystems })).toThrow(
        expect.objectContaining({ code: 'MR_NOT_FOUND' }),
      );
      committer.commit(parts);
      const options = format === 'csv' ? { header: true, multiLine: false } : {};
      const source = { format, paths: [output], options } as Parameters<typeof readRows>[0];
      const found = readRows(source, { fileSystems, minPartitions: 12 }) as { id: number }[];
      expect(found.toSorted((a, b) => a.id - b.id)).toEqual(rows);
      if (format === 'csv') {
        // Quoted values say where records begin, without a look at all of the file.
        const quoted = { ...source, options: { header: true } } as Parameters<typeof readRows>[0];
        expect(readParts(quoted, { fileSystems, minPartitions: 12 })).toHaveLength(12);
        expect(readRows(quoted, { fileSystems, minPartitions: 12 })).toEqual(found);
      }
      const wanted = readRows(source, { fileSystems, keepPartition: ({ k }) => k === 1 });
      expect(wanted).toHaveLength(10_000);
    }
  });

  it('aborts the uploads of attempts that were not taken, and clean those whose writer has gone', () => {
    const output = freshDirectory();
    const actionId = randomUUID();
    const spec = { format: 'text', uri: output, mode: 'error', options: {} } as const;
    const committer = new OutputCommitter(spec, actionId, { fileSystems });
    const staging = committer.begin();
    const attempt = (number: number): StagedPart => {
      const writer = createPartWriter(staging, 0, number, { fileSystems });
      writer.write([`attempt ${number}`]);
      return writer.finish();
    };
    attempt(0);
    const taken = attempt(1);
    expect(system.uploads.pending(output)).toHaveLength(2);
    expect(cleanOutput(output, { fileSystems })).toEqual([]);
    committer.commit([taken]);
    expect(readRows({ format: 'text', paths: [output], options: {} }, { fileSystems })).toEqual(['attempt 1']);
    expect(system.uploads.pending(output)).toEqual([]);
    // An attempt that went on after the commit, and an upload of some other program.
    attempt(2);
    const foreign = system.uploads.openPending(joinUri(output, 'foreign.csv'));
    foreign.write(Buffer.from('x'));
    foreign.finish();
    const path = joinUri(output, `part-00000-${actionId}`);
    expect(cleanOutput(output, { fileSystems, dryRun: true })).toEqual([{ what: 'aborted the upload', path }]);
    expect(cleanOutput(output, { fileSystems })).toEqual([{ what: 'aborted the upload', path }]);
    expect(system.uploads.pending(output)).toEqual([joinUri(output, 'foreign.csv')]);
    system.uploads.abortMatching(output, () => true);
    expect(() => cleanOutput(joinUri(output, 'nothing'), { fileSystems })).toThrow(
      expect.objectContaining({ code: 'MR_NOT_FOUND' }),
    );
  });

  it('hides what an action that is under way has completed already', () => {
    const output = freshDirectory();
    const committer = new OutputCommitter({ format: 'text', uri: output, mode: 'append', options: {} }, 'slow', {
      fileSystems,
    });
    const writer = createPartWriter(committer.begin(), 0, 0, { fileSystems });
    writer.write(['a']);
    const part = writer.finish();
    system.uploads.complete(part.files.flatMap(({ upload }) => upload ?? []));
    expect(system.list(output).map(({ name }) => name)).toEqual(['_millrace', 'part-00000-slow']);
    expect(() => readRows({ format: 'text', paths: [`${output}/part*`], options: {} }, { fileSystems })).toThrow(
      expect.objectContaining({ code: 'MR_NOT_FOUND' }),
    );
    committer.abort();
    expect(system.listRecursive(output)).toEqual([]);
  });
});

describe('S3 errors', () => {
  const withSettings = (changed: Partial<S3Settings>, use: (other: S3FileSystem) => void): void => {
    const other = new S3FileSystem(new IoBridge({ ...settings, timeoutMs: 2000, ...changed }));
    try {
      use(other);
    } finally {
      other.close();
    }
  };

  it('name the bucket and never a credential', () => {
    const secret = { accessKeyId: 'WRONGACCESSKEY', secretAccessKey: 'wrongsecretkey' };
    withSettings({ credentials: secret }, (other) => {
      for (const attempt of [() => other.list(`s3://${bucket}/x`), () => other.stat(`s3://${bucket}/x`)]) {
        let message = '';
        try {
          attempt();
        } catch (error) {
          message = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as Error).cause);
        }
        expect(message).toContain(`s3://${bucket}/x`);
        expect(message).toMatch(/Check the credentials/);
        expect(message).not.toMatch(/WRONGACCESSKEY|wrongsecretkey/);
      }
    });
    expect(() => system.list('s3://no-such-bucket-here/x')).toThrow(expect.objectContaining({ code: 'MR_NOT_FOUND' }));
    expect(() => system.stat('s3:///x')).toThrow(/names no bucket/);
  });

  it('name a server that is not there', () => {
    withSettings({ endpoint: 'http://127.0.0.1:1' }, (other) => {
      expect(() => other.stat(`s3://${bucket}/x`)).toThrow(/cannot read s3:.*ECONNREFUSED/);
    });
  });
});

describe('S3 behind a bad network', () => {
  it('refuses to write where If-None-Match is refused or ignored, unless told that it need not count on it', async () => {
    const proxy = await FaultyProxy.start(settings.endpoint ?? '');
    const write = (conditionalWrites: boolean | undefined): unknown => {
      const other = new S3FileSystem(new IoBridge({ ...settings, endpoint: proxy.origin }), conditionalWrites);
      const output = freshDirectory();
      const into: OutputSettings = { fileSystems: new FileSystems([other]) };
      try {
        const committer = new OutputCommitter({ format: 'text', uri: output, mode: 'error', options: {} }, 'one', into);
        const part = createPartWriter(committer.begin(), 0, 0, into);
        part.write(['a']);
        committer.commit([part.finish()]);
        return readRows({ format: 'text', paths: [output], options: {} }, { fileSystems });
      } finally {
        other.close();
      }
    };
    try {
      proxy.setFaults(...Array<'ignoresConditions'>(60).fill('ignoresConditions'));
      expect(() => write(undefined)).toThrow(/ignores If-None-Match.*conditionalWrites: false/);
      expect(write(false)).toEqual(['a']);
      proxy.setFaults();
      expect(write(undefined)).toEqual(['a']);
    } finally {
      await proxy.stop();
    }
  });

  it('takes what it put as its own when the answer was lost', async () => {
    const proxy = await FaultyProxy.start(settings.endpoint ?? '');
    const other = new S3FileSystem(new IoBridge({ ...settings, endpoint: proxy.origin }));
    try {
      const uri = joinUri(freshDirectory(), 'once');
      proxy.setFaults('lostAnswer');
      expect(other.uploads.putIfAbsent(uri, Buffer.from('mine'))).toBe(true);
      expect(other.uploads.putIfAbsent(uri, Buffer.from('else'))).toBe(false);
      expect(get(other, uri)).toBe('mine');
      proxy.setFaults(501);
      expect(() => other.uploads.putIfAbsent(joinUri(uri, 'x'), Buffer.from('x'))).toThrow(/refuses If-None-Match/);
    } finally {
      other.close();
      await proxy.stop();
    }
  });

  const content = Array.from({ length: 200_000 }, (_, index) => `line ${index}`);

  it('reads and writes through busy answers, resets, cut and stalled bodies', async () => {
    const proxy = await FaultyProxy.start(settings.endpoint ?? '');
    const other = new S3FileSystem(new IoBridge({ ...settings, endpoint: proxy.origin, timeoutMs: 1500 }));
    try {
      const uri = joinUri(freshDirectory(), 'faulty.txt');
      proxy.setFaults(503, 'reset', 500);
      const file = other.openWrite(uri);
      file.write(Buffer.from(content.join('\n')));
      file.finish();
      proxy.setFaults('ok', 'cut', 'cut', 503, 'stall', 'reset');
      expect(get(other, uri).split('\n')).toEqual(content);
      const large = other.openWrite(joinUri(uri, 'large'));
      proxy.setFaults(503, 'ok', 'reset', 503, 503, 'ok', 500);
      for (let part = 0; part < 20; part++) large.write(Buffer.alloc(1_000_000, part));
      expect(large.finish()).toBe(20_000_000);
      proxy.setFaults();
      expect(other.stat(joinUri(uri, 'large'))).toMatchObject({ status: { sizeBytes: 20_000_000 } });
      proxy.setFaults(...Array<503>(10).fill(503));
      expect(() => other.list(`s3://${bucket}/x`)).toThrow(/cannot list s3:.*(SlowDown|HTTP 503).*attempts/);
    } finally {
      other.close();
      await proxy.stop();
    }
  });
});
