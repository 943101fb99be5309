import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import {
  type AnyJob,
  type Clock,
  type ItemReader,
  type ItemWriter,
  type JobExecution,
  JobOperator,
  type JobOperatorOptions,
  type JsonValue,
  type Logger,
  type StepExecution,
} from '../../../src/jobs/index.ts';

const operators: JobOperator[] = [];
const folders: string[] = [];
let stores: FreshStores = {
  make: () => Promise.resolve('sqlite::memory:'),
  dropAll: () => Promise.resolve(),
};

afterEach(async () => {
  for (const operator of operators.splice(0)) await operator.close();
  await stores.dropAll();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Where {@link freshOperator} finds a store that nobody has used. */
export interface FreshStores {
  make(): Promise<string>;
  /** Called when the operators of a test are closed. */
  dropAll(): Promise<void>;
}

/** Lets the tests of this file run on stores of another kind; to be called before they are imported. */
export function useStores(made: FreshStores): void {
  stores = made;
}

/** A folder that goes when the test ends. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chunk-'));
  folders.push(folder);
  return folder;
}

/** An operator that is closed when the test ends. */
export async function freshOperator(options: JobOperatorOptions = {}): Promise<JobOperator> {
  const operator = await JobOperator.create({
    repository: options.repository ?? (await stores.make()),
    signals: false,
    logger: silent,
    random: () => 0.5,
    ...options,
  });
  operators.push(operator);
  return operator;
}

export const silent: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A clock that notes its waits and does not wait. */
export class NotingClock implements Clock {
  readonly waits: number[] = [];
  #now = 1_700_000_000_000;

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.waits.push(ms);
    this.#now += ms;
    return Promise.resolve();
  }
}

/** Launches and waits, whatever the status; each call is a restart of the last one that failed. */
export async function finish(
  operator: JobOperator,
  job: AnyJob,
  parameters: object = { id: 1 },
): Promise<JobExecution> {
  const handle = await operator.launch(job, parameters as never);
  return handle.finished();
}

export function stepOf(execution: JobExecution, name = 's'): StepExecution {
  const step = execution.steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`no step ${name}: ${JSON.stringify(execution.failure)}`);
  return step;
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** A writer that keeps what is committed and notes every call. */
export class MemoryWriter<O> implements ItemWriter<O> {
  readonly guarantee = 'atLeastOnce' as const;
  readonly calls: string[] = [];
  readonly kept: O[] = [];
  /** Throws what this gives for a range. */
  failing: (items: readonly O[], call: number) => unknown = () => undefined;
  #open: readonly O[] = [];
  #writes = 0;

  open() {
    this.calls.push('open');
    return {
      write: (items: readonly O[]) => {
        this.#settle();
        this.calls.push(`write ${JSON.stringify(items)}`);
        const error = this.failing(items, ++this.#writes);
        if (error !== undefined) throw error;
        this.#open = items;
      },
      rollback: () => {
        this.calls.push('rollback');
        this.#open = [];
      },
      publish: () => {
        this.#settle();
        this.calls.push('publish');
      },
      close: () => {
        this.#settle();
        this.calls.push('close');
      },
    };
  }

  #settle(): void {
    this.kept.push(...this.#open);
    this.#open = [];
  }
}

/** Fails with `error()` for each range that holds one of the items. */
export function failsFor<O>(bad: readonly O[], error: () => Error): (items: readonly O[]) => Error | undefined {
  return (items) => (items.some((item) => bad.includes(item)) ? error() : undefined);
}

/** A reader from a script: batches to give, errors to throw, functions to call. */
export function scriptReader<I>(records: readonly (I | Error)[]): ItemReader<I> & { readonly reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    open(position: JsonValue | undefined) {
      let at = typeof position === 'number' ? position : 0;
      reads.push(`open ${at}`);
      return {
        read(size: number) {
          const items: I[] = [];
          while (items.length < size && at < records.length && !(records[at] instanceof Error)) {
            items.push(records[at++] as I);
          }
          if (items.length === 0 && records[at] instanceof Error) {
            reads.push(`throw ${at}`);
            throw records[at++];
          }
          reads.push(`${items.length}/${size}`);
          return items;
        },
        position: () => at,
        close: () => void reads.push('close'),
      };
    },
  };
}
