import { randomUUID } from 'node:crypto';
import { afterEach } from 'vitest';
import {
  type AnyJob,
  type Clock,
  type JobEvent,
  type JobExecution,
  JobOperator,
  type JobOperatorOptions,
  type Logger,
  type StepCounts,
} from '../../../src/jobs/index.ts';

/** A repository to test, by its URL. */
export interface StoreUnderTest {
  /** A store that may hold other tests' jobs already. */
  readonly url: () => string;
  /** Whether several operators of one test may open it: not one in memory. */
  readonly isShared: boolean;
}

/** Time that passes only in waits, which end at once. */
export class ManualClock implements Clock {
  readonly waits: number[] = [];
  #now = Date.UTC(2026, 0, 30);

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.waits.push(ms);
    this.#now += ms;
  }
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export function keptLog(): { readonly lines: LogLine[]; readonly logger: Logger } {
  const lines: LogLine[] = [];
  const at = (level: keyof Logger) => (message: string) => void lines.push({ level, message });
  return {
    lines,
    logger: { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
  };
}

/** Names that no other test of the store uses. */
export function named(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

/** Makes operators and closes them behind each test. */
export function operators(store: StoreUnderTest): (options?: JobOperatorOptions) => Promise<JobOperator> {
  const open: JobOperator[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((operator) => operator.close()));
  });
  return async (options = {}) => {
    const { logger } = keptLog();
    const operator = await JobOperator.create({ repository: store.url(), signals: false, logger, ...options });
    open.push(operator);
    return operator;
  };
}

/** Launches and waits, whatever the end. */
export async function end(
  operator: JobOperator,
  job: AnyJob,
  parameters: object = {},
  options: object = {},
): Promise<JobExecution> {
  return (await operator.launch(job, parameters, options)).finished();
}

/** A job whose steps come from data: the types of `step` know names that are written down. */
// biome-ignore lint/suspicious/noExplicitAny: on purpose
export type LooseJob = any;

/** What an operation that must fail threw. */
export async function failure(work: Promise<unknown> | (() => unknown)): Promise<Error & Failure> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error as Error & Failure;
  }
  throw new Error('It did not fail.');
}

interface Failure {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Status by step name. */
export function statuses(execution: JobExecution): Record<string, string> {
  return Object.fromEntries(execution.steps.map(({ name, status }) => [name, status]));
}

export function step(execution: JobExecution, name: string): JobExecution['steps'][number] {
  const found = execution.steps.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no step "${name}" among ${execution.steps.map((each) => each.name)}`);
  return found;
}

/** A promise and its way to resolve it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The kinds of events in order, with the step where there is one. */
export function kinds(events: readonly JobEvent[]): string[] {
  return events.map(({ kind, stepName }) => (stepName === undefined ? kind : `${kind} ${stepName}`));
}

/** Until `check` holds; the test's own time limit ends it. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A promise that the signal rejects with its reason. `begun` is told that it waits. */
export function aborted(signal: AbortSignal, begun: () => void = () => undefined): Promise<never> {
  begun();
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** The counts of a step that has done nothing. */
export const none: StepCounts = {
  read: 0,
  filter: 0,
  write: 0,
  readSkip: 0,
  processSkip: 0,
  writeSkip: 0,
  skip: 0,
  commit: 0,
  rollback: 0,
  retry: 0,
};
