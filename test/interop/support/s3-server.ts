import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { S3Settings } from '../../../src/data/io/remote/io-protocol.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: S3Settings;
  }
}

const script = resolve(import.meta.dirname, '../../services/s3.sh');

/** Starts a real S3 server before the tests and stops it after them; fails when it cannot. */
export default function s3Server(project: TestProject): () => void {
  const output = execFileSync(script, ['start'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const setting = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(output)?.[1] ?? '';
  project.provide('s3', {
    endpoint: setting('S3_ENDPOINT'),
    region: setting('AWS_REGION'),
    forcePathStyle: true,
    credentials: { accessKeyId: setting('AWS_ACCESS_KEY_ID'), secretAccessKey: setting('AWS_SECRET_ACCESS_KEY') },
  });
  return () => {
    execFileSync(script, ['stop']);
  };
}
