/** The statuses of job and step executions (ST-1). */
export type BatchStatus =
  | 'QUEUED'
  | 'STARTING'
  | 'STARTED'
  | 'STOPPING'
  | 'STOPPED'
  | 'COMPLETED'
  | 'FAILED'
  | 'ABANDONED'
  | 'SKIPPED';

export const activeStatuses: readonly BatchStatus[] = ['QUEUED', 'STARTING', 'STARTED', 'STOPPING'];

export function isActive(status: BatchStatus): boolean {
  return activeStatuses.includes(status);
}

const jobTransitions: Readonly<Record<BatchStatus, readonly BatchStatus[]>> = {
  QUEUED: ['STARTING', 'STOPPED', 'FAILED'],
  STARTING: ['STARTED', 'FAILED', 'STOPPING'],
  STARTED: ['COMPLETED', 'FAILED', 'STOPPING'],
  STOPPING: ['STOPPED', 'COMPLETED', 'FAILED'],
  STOPPED: ['ABANDONED'],
  FAILED: ['ABANDONED'],
  COMPLETED: [],
  ABANDONED: [],
  SKIPPED: [],
};

/** Whether a job execution may go from one status to the other (ST-2). */
export function mayBecome(from: BatchStatus, to: BatchStatus): boolean {
  return jobTransitions[from].includes(to);
}
