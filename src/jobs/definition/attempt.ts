import type { FailureInfo } from './failure-info.ts';

/** One try of a task, a dataset step or a nested job. */
export interface Attempt {
  attempt: number;
  status: 'success' | 'failed';
  error?: FailureInfo;
  startedAt: Date;
  durationMs: number;
  /** The wait after it. */
  waitMs: number;
}
