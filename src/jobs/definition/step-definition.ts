import type { ItemReader } from './item-reader.ts';
import type { ItemWriter } from './item-writer.ts';
import type { JobExecution, SkippedItem, StepExecution } from './job-execution.ts';
import type { JsonValue } from './json-value.ts';
import { type ErrorMatch, errorMatches, type RetryOptions, wrongRetryOption } from './retry-options.ts';
import type { StandardSchemaV1 } from './standard-schema.ts';
import type { Partition, StepContext } from './step-context.ts';
import type { StepCounts } from './step-counts.ts';

// The nodes that the fluent builders make: plain, frozen, and without the types of users' items, which are `unknown` here.

/** A context of a step of any job. */
// biome-ignore lint/suspicious/noExplicitAny: functions of users take contexts of their own types
export type AnyContext = StepContext<any, any>;
export type AnyPartitionContext = AnyContext & { readonly partition: Partition<never> };

export type TriggerRule = 'allSucceeded' | 'noneFailed' | 'anyFailed' | 'allDone';

/** One step of a job, with its options filled in. */
export interface StepDefinition {
  readonly name: string;
  /** Names of the steps it waits for. */
  readonly after: readonly string[];
  readonly when: TriggerRule;
  readonly condition: ((c: AnyContext) => boolean | Promise<boolean>) | undefined;
  readonly allowFailure: boolean;
  readonly alwaysRun: boolean;
  readonly startLimit: number;
  readonly timeoutMs: number | undefined;
  readonly restart: 'fromCheckpoint' | 'fromStart';
  readonly version: number;
  readonly migrate: ((checkpoint: JsonValue, fromVersion: number) => JsonValue) | undefined;
  readonly body: StepBody;
}

export type StepBody = TaskBody | DatasetBody | NestedBody | ChunkBody;

export interface TaskBody {
  readonly kind: 'task';
  readonly run: (c: AnyContext) => unknown;
  readonly retry: RetryClause;
}

export interface DatasetBody {
  readonly kind: 'dataset';
  readonly run: (sc: never, c: AnyContext) => unknown;
  readonly retry: RetryClause;
}

export interface NestedBody {
  readonly kind: 'nested';
  readonly child: object;
  readonly parameters: (c: AnyContext) => unknown;
  readonly retry: RetryClause;
}

/** What is tried again, and how. Without options: the defaults. */
export interface RetryClause {
  readonly errors: readonly ErrorMatch[];
  readonly options: RetryOptions;
}

export interface ChunkBody {
  readonly kind: 'chunk';
  readonly source: SourceClause;
  readonly partitions: PartitionClause | undefined;
  readonly stages: readonly ProcessorStage[];
  readonly size: number;
  readonly fetchSize: number;
  readonly transactionTimeoutMs: number;
  readonly concurrency: number;
  readonly skip: readonly ErrorMatch[];
  readonly skipLimit: number;
  readonly skipScope: 'instance' | 'execution';
  readonly skipPolicy: ((error: Error, skippedSoFar: number) => boolean) | undefined;
  readonly classify: ((error: Error) => 'retry' | 'skip' | 'fail' | undefined) | undefined;
  readonly retry: RetryClause;
  readonly listeners: readonly StepListener[];
  readonly writer: ItemWriter<never>;
}

/** A reader or iterable, or a function that gives one at the step's start. */
export type SourceClause =
  | { readonly kind: 'value'; readonly value: ReadSource<unknown> }
  | {
      readonly kind: 'function';
      readonly open: (c: AnyPartitionContext) => ReadSource<unknown> | Promise<ReadSource<unknown>>;
    };

export type ReadSource<I> = ItemReader<I> | Iterable<I> | AsyncIterable<I>;

export interface PartitionClause {
  /** How many parts the reader shall cut itself into, or the function that makes the values. */
  readonly split: number | ((c: AnyContext) => readonly JsonValue[] | Promise<readonly JsonValue[]>);
  readonly concurrency: number | undefined;
}

export type ProcessorStage =
  | { readonly kind: 'process'; readonly fn: (item: never, c: AnyContext) => unknown; readonly threads: boolean }
  | { readonly kind: 'processMany'; readonly fn: (item: never, c: AnyContext) => unknown }
  | { readonly kind: 'filter'; readonly predicate: (item: never) => boolean | Promise<boolean> }
  | { readonly kind: 'validate'; readonly schema: StandardSchemaV1 };

/** Called around a step, its chunks and its errors. One that throws fails the step. */
export interface StepListener {
  beforeStep?(c: AnyContext): void | Promise<void>;
  /** Sees the status about to be stored. */
  afterStep?(e: StepExecution): void | Promise<void>;
  beforeChunk?(e: { firstIndex: number; size: number }): void | Promise<void>;
  /** `counts` of the execution so far. */
  afterChunk?(e: { firstIndex: number; counts: StepCounts }): void | Promise<void>;
  onSkip?(e: SkippedItem): void | Promise<void>;
  onRetry?(e: {
    phase: 'read' | 'process' | 'write';
    attempt: number;
    delayMs: number;
    error: Error;
  }): void | Promise<void>;
}

export interface JobListener {
  beforeJob?(e: JobExecution): void | Promise<void>;
  /** Sees the status about to be stored. */
  afterJob?(e: JobExecution): void | Promise<void>;
}

/** All that is known of a job: plain and frozen. */
export interface JobDefinition {
  readonly name: string;
  /** undefined: every parameter identifies. */
  readonly identity: readonly string[] | undefined;
  readonly schema: StandardSchemaV1 | undefined;
  readonly restartable: boolean;
  readonly parallel: boolean;
  readonly failFast: boolean;
  readonly timeoutMs: number | undefined;
  readonly requireIdempotent: boolean;
  readonly steps: readonly StepDefinition[];
  readonly listeners: readonly JobListener[];
}

/** Adds a call of `retry`: lists add up, the options are one policy. */
export function withRetry(
  clause: RetryClause,
  errors: ErrorMatch | readonly ErrorMatch[],
  options: RetryOptions | undefined,
  fail: Fail,
): RetryClause {
  const wrong = options === undefined ? undefined : wrongRetryOption(options);
  if (wrong !== undefined) fail(wrong);
  return Object.freeze({
    errors: Object.freeze([...clause.errors, ...matchesOf('retry', errors, fail)]),
    options: options === undefined ? clause.options : Object.freeze({ ...clause.options, ...options }),
  });
}

/** One or several error matches as a list. */
export function matchesOf(
  method: string,
  errors: ErrorMatch | readonly ErrorMatch[],
  fail: Fail,
): readonly ErrorMatch[] {
  const matches = errorMatches(errors);
  return typeof matches === 'string' ? fail(`${method}: ${matches}`) : matches;
}

/** Whether it can name a job or step: columns have room for so much, and Postgres stores no NUL. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= 100 && !name.includes('\0');
}

/** Whether it is a time to wait, without end perhaps. */
export function isDuration(ms: unknown): ms is number {
  return typeof ms === 'number' && ms > 0;
}

/** What is wrong with an object of listeners that may have these methods, or undefined. */
export function wrongListener(listener: unknown, methods: readonly string[]): string | undefined {
  if (typeof listener !== 'object' || listener === null) {
    return `listen needs an object with some of ${methods.join(', ')}, got ${String(listener)}`;
  }
  const wrong = methods.find((name) => !['undefined', 'function'].includes(typeof (listener as never)[name]));
  return wrong === undefined ? undefined : `listen: ${wrong} must be a function`;
}

/** Throws MR_JOB_DEFINITION with job and step before `what`. */
export type Fail = (what: string) => never;
