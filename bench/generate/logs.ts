import type { OutputFile } from './output-file.ts';
import { Random } from './random.ts';

const services = ['checkout', 'payment', 'catalog', 'search', 'auth', 'mailer'];
const messages = {
  ERROR: ['Database connection failed', 'Payment provider timed out', 'Unhandled exception in request', 'Disk is full'],
  WARN: ['Slow query', 'Retrying request', 'Cache miss rate is high', 'Deprecated endpoint called'],
  INFO: ['Request completed', 'User logged in', 'Order created', 'Cache refreshed', 'Mail sent'],
  DEBUG: ['Query plan chosen', 'Token verified'],
} as const;

function levelOf(percent: number): keyof typeof messages {
  if (percent < 4) return 'ERROR';
  if (percent < 14) return 'WARN';
  return percent < 90 ? 'INFO' : 'DEBUG';
}

/** Lines of an application log, `time level message key=value ...`, in order of time, until the file has `sizeBytes`. */
export function writeLogs(file: OutputFile, sizeBytes: number, seed: number): void {
  const random = new Random(seed);
  let time = Date.UTC(2026, 0, 5, 6);
  while (file.sizeBytes < sizeBytes) {
    time += random.below(400);
    const level = levelOf(random.below(100));
    const choices = messages[level];
    const message = choices[random.below(choices.length)]!;
    const service = services[random.below(services.length)]!;
    const request = random.next().toString(16).padStart(8, '0');
    const durationMs = level === 'ERROR' ? 1000 + random.below(9000) : 1 + random.below(400);
    file.write(
      `${new Date(time).toISOString()} ${level} ${message} service=${service} request=${request} ms=${durationMs}\n`,
    );
  }
}
