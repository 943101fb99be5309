import type { BatchStatus } from './batch-status.ts';
import type { SkipPhase } from './job-execution.ts';
import type { StepCounts } from './step-counts.ts';

export const storedEventKinds = [
  'jobStarted',
  'jobEnded',
  'stepStarted',
  'stepEnded',
  'stepSkipped',
  'stopRequested',
  'executionOrphaned',
  'executionRecovered',
  'leaseLost',
] as const;

export type JobEventKind =
  | (typeof storedEventKinds)[number]
  | 'chunkCommitted'
  | 'chunkRolledBack'
  | 'itemSkipped'
  | 'retryScheduled'
  | 'progress';

/** Something that happened to an execution, told after the commit that made it true. */
export interface JobEvent {
  kind: JobEventKind;
  at: Date;
  executionId: string;
  jobName: string;
  stepName?: string;
  partition?: number;
  status?: BatchStatus;
  firstIndex?: number;
  counts?: StepCounts;
  index?: number;
  phase?: SkipPhase;
  attempt?: number;
  delayMs?: number;
}
