import type { MillraceContext } from '../../api/context.ts';
import type { ContextOptions } from '../../api/context-options.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Clock } from '../definition/clock.ts';
import type { AnyJob } from '../definition/job.ts';
import type { Logger } from '../definition/logger.ts';
import type { Probe } from '../definition/probe.ts';
import { systemClock } from '../policies/system-clock.ts';

/** What `JobOperator.create` takes. Every option has a default. */
export interface JobOperatorOptions {
  /** Default 'sqlite:millrace.db'. Also 'sqlite::memory:', 'postgres://...', 'mysql://...'. */
  readonly repository?: string;
  /** Registered: found by name, recovered after a crash. */
  readonly jobs?: readonly AnyJob[];
  /** The engine of dataset steps, or how to make it. Made at first use. */
  readonly context?: MillraceContext | ContextOptions;
  /** Steps of one execution at once. Default 4. */
  readonly maxConcurrentSteps?: number;
  /** Default 30 000. */
  readonly leaseTtlMs?: number;
  /** What happens to a registered job whose process died. Default 'restart'. */
  readonly onOrphan?: 'restart' | 'fail';
  /** Restarts without a human, until one launches it again. Default 3. */
  readonly maxRecoveries?: number;
  /** Whether SIGTERM and SIGINT drain and end the process. Default true. */
  readonly signals?: boolean;
  /** How long `close` waits for running steps. Default 25 000. */
  readonly drainMs?: number;
  /** Of SQLite. Default 'normal'. */
  readonly synchronous?: 'normal' | 'full';
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
  readonly probe?: Probe;
}

export type ResolvedOperatorOptions = Required<Omit<JobOperatorOptions, 'context'>> & {
  readonly context: MillraceContext | ContextOptions | undefined;
};

const quiet = (): void => undefined;
const stderrLogger: Logger = {
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: (message) => void process.stderr.write(`millrace: ${message}\n`),
  error: (message) => void process.stderr.write(`millrace: ${message}\n`),
};

/** The options with their defaults. @throws {MillraceError} MR_OPTION_INVALID naming the one that is wrong */
export function resolveOperatorOptions(options: JobOperatorOptions): ResolvedOperatorOptions {
  const resolved: ResolvedOperatorOptions = {
    repository: options.repository ?? 'sqlite:millrace.db',
    jobs: options.jobs ?? [],
    context: options.context,
    maxConcurrentSteps: options.maxConcurrentSteps ?? 4,
    leaseTtlMs: options.leaseTtlMs ?? 30_000,
    onOrphan: options.onOrphan ?? 'restart',
    maxRecoveries: options.maxRecoveries ?? 3,
    signals: options.signals ?? true,
    drainMs: options.drainMs ?? 25_000,
    synchronous: options.synchronous ?? 'normal',
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? stderrLogger,
    probe: options.probe ?? quiet,
  };
  const { maxConcurrentSteps, leaseTtlMs, maxRecoveries, drainMs } = resolved;
  if (!(Number.isSafeInteger(maxConcurrentSteps) && maxConcurrentSteps >= 1)) {
    throw invalid('maxConcurrentSteps', maxConcurrentSteps, 'an integer of at least 1');
  }
  if (!(Number.isFinite(leaseTtlMs) && leaseTtlMs > 0)) throw invalid('leaseTtlMs', leaseTtlMs, 'more than 0');
  if (!(maxRecoveries >= 0)) throw invalid('maxRecoveries', maxRecoveries, 'at least 0');
  if (!['restart', 'fail'].includes(resolved.onOrphan))
    throw invalid('onOrphan', resolved.onOrphan, "'restart' or 'fail'");
  if (!['normal', 'full'].includes(resolved.synchronous)) {
    throw invalid('synchronous', resolved.synchronous, "'normal' or 'full'");
  }
  if (!(drainMs >= 0)) throw invalid('drainMs', drainMs, 'at least 0');
  return Object.freeze(resolved);
}

function invalid(name: string, value: unknown, allowed: string): MillraceError {
  return new MillraceError(
    'MR_OPTION_INVALID',
    `JobOperator.create: ${name} must be ${allowed}, got ${String(value)}.`,
  );
}
