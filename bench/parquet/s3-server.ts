import { execFileSync } from 'node:child_process';

const script = 'test/services/s3.sh';
const settings = ['S3_ENDPOINT', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'];

/**
 * Calls `use` with the endpoint of a server that clients find by the environment: the one that S3_ENDPOINT names, with the credentials
 * of the AWS variables, or one that is started and stopped.
 */
export async function withS3Server<T>(use: (endpoint: string) => Promise<T>): Promise<T> {
  const { S3_ENDPOINT: given } = process.env;
  if (given !== undefined) return use(given);
  const started = execFileSync(script, ['start'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  for (const [, name = '', value] of started.matchAll(/(\w+)=(\S+)/g))
    if (settings.includes(name)) process.env[name] = value;
  try {
    return await use(process.env['S3_ENDPOINT'] ?? '');
  } finally {
    for (const name of settings) delete process.env[name];
    execFileSync(script, ['stop']);
  }
}
