import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { S3Settings } from '../../../src/data/io/remote/io-protocol.ts';
import { freePorts } from './free-ports.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: S3Settings;
  }
}

const script = resolve(import.meta.dirname, '../../services/s3.sh');

/**
 * Starts a real S3 server before the tests and stops it after them; fails when it cannot. Each run has ports and a folder of its own, so
 * that two on one machine do not stop each other's.
 */
export default async function s3Server(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  const [monitorPort, port] = await freePorts();
  const env = {
    ...process.env,
    MILLRACE_S3_STATE: join(folder, 'state'),
    MILLRACE_S3_MON_PORT: String(monitorPort),
    MILLRACE_S3_PORT: String(port),
  };
  const output = startServer(env);
  const setting = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(output)?.[1] ?? '';
  project.provide('s3', {
    endpoint: setting('S3_ENDPOINT'),
    region: setting('AWS_REGION'),
    forcePathStyle: true,
    credentials: { accessKeyId: setting('AWS_ACCESS_KEY_ID'), secretAccessKey: setting('AWS_SECRET_ACCESS_KEY') },
  });
  return () => {
    execFileSync(script, ['stop'], { env });
    rmSync(folder, { recursive: true, force: true });
  };
}

/** On a busy machine one of the server's daemons may give up waiting for another; then all begin anew. */
function startServer(env: NodeJS.ProcessEnv): string {
  for (let attempt = 1; ; attempt++)
    try {
      return execFileSync(script, ['start'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    } catch (error) {
      execFileSync(script, ['stop'], { env });
      if (attempt === 3) throw error;
    }
}
