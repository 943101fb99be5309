import type { DataSource } from './data-source.ts';
import type { JsonValue } from './json-value.ts';

/** What a step's functions, readers and writers know of the run they are part of. */
export interface StepContext<P = Record<string, unknown>, R = object> {
  readonly parameters: Readonly<P>;
  readonly partition?: Partition;
  readonly attempt: number;
  readonly isRestart: boolean;
  /** Of the instance: the same in every restart. */
  readonly createTime: Date;
  readonly jobName: string;
  readonly stepName: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly stepExecutionId: string;
  readonly signal: AbortSignal;
  /** The repository's own database. */
  readonly dataSource: DataSource;
  /** The result of a step that is COMPLETED in this execution. */
  result<N extends keyof R & string>(step: N): R[N];
  setExitCode(code: string): void;
}

export interface Partition<Q = JsonValue> {
  readonly index: number;
  readonly name: string;
  readonly value: Q;
}
