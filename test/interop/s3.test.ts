import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { IoBridge } from '../../src/data/io/remote/io-bridge.ts';
import { S3FileSystem } from '../../src/data/io/remote/s3-file-system.ts';
import { fileSystemConformance } from '../conformance/file-systems.ts';

const settings = inject('s3');
const bucket = 'conformance';
const system = new S3FileSystem(new IoBridge(settings));
let directories = 0;

beforeAll(async () => {
  const client = new S3Client(settings as object);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
});
afterAll(() => system.close());

describe('s3:', () => {
  fileSystemConformance(() => ({
    system,
    freshDirectory: () => `s3://${bucket}/run ${process.pid}/d${directories++}`,
  }));
});
