import type { MillraceContext } from '../../api/context.ts';
import type { DataSource } from './data-source.ts';
import type { StepExecution } from './job-execution.ts';
import type { JobParameters } from './job-parameters.ts';
import type { JsonValue } from './json-value.ts';
import type { Logger } from './logger.ts';

/** What a step's functions, readers and writers know of the run they are part of. */
export interface StepContext<P = JobParameters, R = object> {
  readonly parameters: Readonly<P>;
  readonly partition?: Partition;
  /** The number of this try, from 1. */
  readonly attempt: number;
  readonly isRestart: boolean;
  /** Of the instance: the same in every restart. */
  readonly createTime: Date;
  readonly jobName: string;
  readonly stepName: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly stepExecutionId: string;
  /** Aborts when the step is stopped, times out or has lost its lease. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The repository's own database. */
  readonly dataSource: DataSource;
  /** State of the step or partition, kept by each chunk's commit. */
  readonly context: ExecutionContext;
  /** State of the job, shared by its steps. */
  readonly jobContext: ExecutionContext;
  /** The result of a step that is COMPLETED in this execution. @throws {MillraceError} MR_NO_RESULT when it is not */
  result<N extends keyof R & string>(step: N): R[N];
  /** A step of this execution that has begun. */
  step(name: keyof R & string): StepExecution | undefined;
  setExitCode(code: string): void;
  /** The engine: made at first use, shared by all steps. */
  millrace(): Promise<MillraceContext>;
}

export interface Partition<Q = JsonValue> {
  readonly index: number;
  readonly name: string;
  readonly value: Q;
}

/** Named JSON values that survive a crash, 64 KiB at most. */
export interface ExecutionContext {
  get<T extends JsonValue = JsonValue>(key: string): T | undefined;
  /** @throws {MillraceError} MR_NOT_JSON, MR_CONTEXT_TOO_LARGE */
  set(key: string, value: JsonValue): void;
  delete(key: string): void;
  /** Stores it now; durable when it resolves. */
  save(): Promise<void>;
}
