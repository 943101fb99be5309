import type { BatchStatus } from '../definition/batch-status.ts';
import type { FailureInfo } from '../definition/failure-info.ts';
import type { Guarantee } from '../definition/guarantee.ts';
import type { JobEventKind } from '../definition/job-event.ts';
import type { SkippedItem, SkipReason } from '../definition/job-execution.ts';
import type { StoredParameter } from '../definition/job-parameters.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepCounts } from '../definition/step-counts.ts';

// What passes between the runtime and the store. Times are milliseconds, texts of JSON stay texts.

/** The right to write: an execution and the number that every write of its owner must match. */
export interface Claim {
  readonly executionId: string;
  readonly fence: number;
}

/** An execution that was just stored, with what its run needs. */
export interface LaunchedExecution extends Claim {
  readonly instanceId: string;
  readonly jobName: string;
  readonly generation: number;
  /** When the instance was made. */
  readonly instanceTime: number;
  readonly createTime: number;
  readonly parameters: readonly StoredParameter[];
  /** The execution before it in this generation, if any. */
  readonly previous: { readonly id: string; readonly isOrphan: boolean } | undefined;
  /** Text of the job context that is carried over. */
  readonly jobContext: string | undefined;
  readonly isNoop: boolean;
  readonly recoveries: number;
  readonly createdBy: string | undefined;
}

/** A step execution as the runtime keeps it. Changed only by the run that owns it. */
export interface StepRecord {
  readonly id: string;
  readonly executionId: string;
  readonly name: string;
  /** In the definition. */
  readonly position: number;
  readonly partition: number | undefined;
  status: BatchStatus;
  exitCode: string;
  startTime: number | undefined;
  endTime: number | undefined;
  counts: StepCounts;
  /** Text of the checkpoint. */
  checkpoint: string | undefined;
  checkpointVersion: number | undefined;
  /** Text of the step's context. */
  context: string | undefined;
  /** Text of the result. */
  result: string | undefined;
  failure: FailureInfo | undefined;
  reusedFrom: string | undefined;
  skipReason: SkipReason | undefined;
  inDoubt: { from: number; to: number } | undefined;
  guarantee: Guarantee | undefined;
}

export interface StepInstanceRecord {
  readonly id: string;
  readonly stepName: string;
  readonly startCount: number;
  readonly skipCount: number;
  readonly partitions: readonly JsonValue[] | undefined;
  readonly decision: boolean | undefined;
}

export interface AttemptRecord {
  readonly stepExecutionId: string;
  readonly attempt: number;
  readonly status: 'success' | 'failed';
  readonly error: FailureInfo | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly waitMs: number;
  /** When the next try is due; undefined after the last. */
  readonly nextAt: number | undefined;
}

/** A skipped item on its way into the store; `itemText` is its JSON, cut when it is long. */
export interface SkipRecord {
  readonly item: SkippedItem;
  readonly itemText: string | undefined;
}

export interface EventRecord {
  readonly kind: JobEventKind;
  readonly at: number;
  readonly stepName?: string;
  readonly partition?: number;
  readonly status?: BatchStatus;
}

/** What an earlier execution left of a step: the newest row of each step and partition. */
export interface StepHistory {
  readonly record: StepRecord;
  /** Of the try that was waited for when the execution ended. */
  readonly pendingAttempt: { readonly attempt: number; readonly nextAt: number } | undefined;
}
