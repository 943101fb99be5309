import type { Attempt } from './attempt.ts';
import type { BatchStatus } from './batch-status.ts';
import type { FailureInfo } from './failure-info.ts';
import type { Guarantee } from './guarantee.ts';
import type { JobParameters, StoredParameter } from './job-parameters.ts';
import type { JsonValue } from './json-value.ts';
import type { StepCounts } from './step-counts.ts';

/** A job with its identifying parameters. */
export interface JobInstance {
  id: string;
  jobName: string;
  /** Hex SHA-256 of the identifying parameters (ST-10). */
  key: string;
  runId?: number;
  createTime: Date;
  parameters: readonly StoredParameter[];
  /** Of each step, the sums over the executions. */
  counts: { readonly [step: string]: StepCounts };
}

/** One run of an instance. */
export interface JobExecution {
  id: string;
  instanceId: string;
  jobName: string;
  status: BatchStatus;
  exitCode: string;
  parameters: JobParameters;
  createTime: Date;
  startTime?: Date;
  endTime?: Date;
  createdBy?: string;
  /** How often it was started again by a reaper since the last launch by hand. */
  recoveries: number;
  /** That of the first failed step, with `step`. */
  failure?: FailureInfo;
  /** In the order of the definition; steps not begun are absent. */
  steps: readonly StepExecution[];
}

/** One run of a step, or of one partition of it. */
export interface StepExecution {
  id: string;
  name: string;
  status: BatchStatus;
  exitCode: string;
  counts: StepCounts;
  startTime?: Date;
  endTime?: Date;
  failure?: FailureInfo;
  result?: JsonValue;
  guarantee?: Guarantee;
  /** The step execution that did the work, when this one did not have to. */
  reusedFrom?: string;
  skipReason?: SkipReason;
  /** After a crash, the items that an atLeastOnce sink may hold already: from the checkpoint, one chunk. */
  inDoubt?: { from: number; to: number };
  attempts: readonly Attempt[];
  partitions: readonly StepExecution[];
}

/** Why a step did not run. Transitive: `step` is the origin. */
export type SkipReason = { kind: 'upstreamFailed' | 'upstreamSkipped'; step: string } | { kind: 'condition' };

export interface SkippedItem {
  stepName: string;
  partition?: number;
  phase: SkipPhase;
  /** In the input of the step or partition, from 0; records that could not be read are counted. */
  index: number;
  item?: JsonValue;
  /** Whether `item` is only the beginning of its JSON. */
  truncated: boolean;
  error: FailureInfo;
}

export type SkipPhase = 'read' | 'process' | 'write';
