import type { MillraceContext } from '../../api/context.ts';
import type { FILTER } from './filter.ts';
import type { ChunkWrite, ItemWriter } from './item-writer.ts';
import type { JsonValue } from './json-value.ts';
import type { ErrorMatch, RetryOptions } from './retry-options.ts';
import type { SchemaOutput, StandardSchemaV1 } from './standard-schema.ts';
import type { Partition, StepContext } from './step-context.ts';
import type { StepCounts } from './step-counts.ts';
import type { JobListener, ReadSource, StepListener, TriggerRule } from './step-definition.ts';

declare const types: unique symbol;

/** Defaults: every parameter identifies, restartable, chained, no timeout. */
export interface JobOptions<P> {
  /** The parameters that say which instance it is. Default: all. */
  readonly identity?: readonly (keyof P & string)[];
  /** Default true. */
  readonly restartable?: boolean;
  /** Whether steps without `after` start at once. Default: each waits for the one defined before it. */
  readonly parallel?: boolean;
  /** Whether a failed step stops the running ones. Default false. */
  readonly failFast?: boolean;
  readonly timeoutMs?: number;
  /** Refuses sinks that may write twice after a crash. Default false. */
  readonly requireIdempotent?: boolean;
}

export interface StepOptions<P, R> {
  /** Default: the step defined before it; none with `parallel` and in `steps()`. */
  readonly after?: readonly (keyof R & string)[];
  /** Default 'allSucceeded'. */
  readonly when?: TriggerRule;
  /** false: the step is SKIPPED. Asked once, after `when`. */
  readonly if?: (c: StepContext<P, R>) => boolean | Promise<boolean>;
  /** A failure of it leaves the job COMPLETED, with the exit code DEGRADED. */
  readonly allowFailure?: boolean;
  /** Runs in a restart though it was COMPLETED. */
  readonly alwaysRun?: boolean;
  /** Starts in the instance, at most. */
  readonly startLimit?: number;
  readonly timeoutMs?: number;
  /** Default 'fromCheckpoint'. */
  readonly restart?: 'fromCheckpoint' | 'fromStart';
  /** Of the checkpoint. Default 1. */
  readonly version?: number;
  readonly migrate?: (checkpoint: JsonValue, fromVersion: number) => JsonValue;
}

/** A named graph of steps: frozen; every method returns a new one. `R` maps step names to result types, `In` is what a launch takes. */
// biome-ignore lint/complexity/noBannedTypes: no step yet, and intersections with {} stay small
export interface Job<P, R = {}, In = P> {
  readonly name: string;
  readonly [types]?: {
    readonly parameters: (p: P) => P;
    readonly results: (r: R) => R;
    readonly launch: (given: In) => In;
  };
  step<N extends string, T>(
    name: N extends keyof R ? never : N,
    build: (s: StepBuilder<P, R>) => Step<T>,
    options?: StepOptions<P, R>,
  ): Job<P, R & { readonly [K in N]: T }, In>;
  /** Several steps at once, in any order, for graphs that come from data. */
  steps<K extends string>(
    group: {
      readonly [N in K]: StepOptions<P, R & { readonly [X in NoInfer<K>]: unknown }> & {
        // biome-ignore lint/suspicious/noExplicitAny: the results of a group's steps are not told apart
        readonly step: (s: StepBuilder<P, R & { readonly [X in NoInfer<K>]: any }>) => Step<any>;
      };
    },
  ): Job<P, R & { readonly [N in K]: JsonValue }, In>;
  listen(listener: JobListener): Job<P, R, In>;
}

/** A job of any type. */
// biome-ignore lint/suspicious/noExplicitAny: stands for every job
export type AnyJob = Job<any, any, any>;

/** The arguments of a launch behind the job: parameters may be left out when none is required. */
// biome-ignore lint/complexity/noBannedTypes: asks whether every parameter is optional
export type LaunchArguments<In> = {} extends In
  ? [parameters?: In, options?: LaunchOptions]
  : [parameters: In, options?: LaunchOptions];

export interface LaunchOptions {
  /** What to do about a completed instance. Default: 'refuse' when an identifying value is given, else 'again'. */
  readonly onComplete?: 'refuse' | 'noop' | 'again';
  /** Always a new instance, numbered by the parameter `run.id`. */
  readonly runId?: 'auto';
  /** The same instance again, from scratch. */
  readonly force?: boolean;
  readonly createdBy?: string;
  /** Stops the execution. */
  readonly signal?: AbortSignal;
}

declare const resultType: unique symbol;

/** A step whose body is complete; what `build` returns. `T` is the type of its result. */
export interface Step<out T> {
  readonly [resultType]?: T;
}

/** A step that calls a function, or runs a job, once. */
export interface TaskStep<T> extends Step<T> {
  /** Tries again after these errors; the options are the step's one policy. */
  retry(errors: ErrorMatch | readonly ErrorMatch[], options?: RetryOptions): TaskStep<T>;
}

/** Makes the body of a step. */
export interface StepBuilder<P, R> {
  /** A function that runs once; what it returns is the step's result. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function without return has the result null
  task<T extends JsonValue | void>(run: (c: StepContext<P, R>) => T | Promise<T>): TaskStep<T>;
  /** A chunk step: items are read, processed and written, a chunk in each commit. */
  read<I>(
    source: ReadSource<I> | ((c: StepContext<P, R>) => ReadSource<I> | Promise<ReadSource<I>>),
  ): ChunkStepBuilder<P, R, I>;
  /** A chunk step run once for each value. The values are stored: a restart works on the same. */
  partitions<Q extends JsonValue>(
    split: (c: StepContext<P, R>) => readonly Q[] | Promise<readonly Q[]>,
    options?: { readonly concurrency?: number },
  ): PartitionedStepBuilder<P, R, Q>;
  /** A chunk step in `count` parts, cut by the reader's own `split`. */
  partitions(count: number, options?: { readonly concurrency?: number }): PartitionedStepBuilder<P, R, JsonValue>;
  /** Work on the engine: RDDs, read and saved by its workers. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function without return has the result null
  dataset<T extends JsonValue | void>(run: (sc: MillraceContext, c: StepContext<P, R>) => T | Promise<T>): TaskStep<T>;
  /** Another job as a step: an instance of its own, which is not run again once it is complete. */
  job<In>(
    // biome-ignore lint/suspicious/noExplicitAny: any parameters and results will do
    child: Job<any, any, In>,
    parameters: (c: StepContext<P, R>) => In | Promise<In>,
  ): TaskStep<{ readonly executionId: string }>;
}

export interface PartitionedStepBuilder<P, R, Q> {
  read<I>(
    source: (c: StepContext<P, R> & { readonly partition: Partition<Q> }) => ReadSource<I> | Promise<ReadSource<I>>,
  ): ChunkStepBuilder<P, R, I>;
}

/** What happens to the items, in any order, each as often as wanted; `write` ends the step. */
export interface ChunkStepBuilder<P, R, O> {
  /** One output for each item, or {@link FILTER} to drop it. */
  process<T>(
    fn: (item: O, c: StepContext<P, R>) => T,
    options?: { readonly threads?: boolean },
  ): ChunkStepBuilder<P, R, Exclude<Awaited<T>, typeof FILTER>>;
  /** Any number of outputs for each item. */
  processMany<T>(fn: (item: O, c: StepContext<P, R>) => Iterable<T> | Promise<Iterable<T>>): ChunkStepBuilder<P, R, T>;
  filter<T extends O>(predicate: (item: O) => item is T): ChunkStepBuilder<P, R, T>;
  filter(predicate: (item: O) => boolean | Promise<boolean>): ChunkStepBuilder<P, R, O>;
  /** The item as its schema gives it. An item that does not fit is MR_VALIDATION. */
  validate<S extends StandardSchemaV1>(schema: S): ChunkStepBuilder<P, R, SchemaOutput<S>>;
  /** Items between two commits. Default 100; `fetchSize` the same; `transactionTimeoutMs` 300 000. */
  chunk(
    size: number,
    options?: { readonly fetchSize?: number; readonly transactionTimeoutMs?: number },
  ): ChunkStepBuilder<P, R, O>;
  /** Items of a chunk processed at once. Default 1. */
  concurrency(items: number): ChunkStepBuilder<P, R, O>;
  /** Records items that fail so and goes on. Lists add up; the limit is 10 over all executions of the instance. */
  skip(
    errors: ErrorMatch | readonly ErrorMatch[],
    options?: { readonly limit?: number; readonly scope?: 'instance' | 'execution' },
  ): ChunkStepBuilder<P, R, O>;
  /** Tries again. Lists add up; the options are the step's one policy. */
  retry(errors: ErrorMatch | readonly ErrorMatch[], options?: RetryOptions): ChunkStepBuilder<P, R, O>;
  /** Decides on skips in place of the limit. */
  skipPolicy(policy: (error: Error, skippedSoFar: number) => boolean): ChunkStepBuilder<P, R, O>;
  /** Decides before the lists do; undefined leaves it to them. */
  classify(decide: (error: Error) => 'retry' | 'skip' | 'fail' | undefined): ChunkStepBuilder<P, R, O>;
  listen(listener: StepListener): ChunkStepBuilder<P, R, O>;
  write(writer: ItemWriter<O> | ((items: readonly O[], chunk: ChunkWrite) => void | Promise<void>)): Step<StepCounts>;
}
