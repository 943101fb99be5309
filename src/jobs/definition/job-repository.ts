import type { BatchStatus } from './batch-status.ts';
import type { JobEvent } from './job-event.ts';
import type { JobExecution, JobInstance, SkippedItem } from './job-execution.ts';

/** What is stored about jobs, to read. Answers are frozen snapshots; lists are newest first, 100 by default. */
export interface JobRepository {
  /** @throws {MillraceError} MR_NO_SUCH_EXECUTION */
  execution(id: string): Promise<JobExecution>;
  executions(filter?: {
    jobName?: string;
    instanceId?: string;
    status?: readonly BatchStatus[];
    limit?: number;
  }): Promise<readonly JobExecution[]>;
  instance(id: string): Promise<JobInstance>;
  instances(filter?: { jobName?: string; limit?: number }): Promise<readonly JobInstance[]>;
  /** All of them, by index. */
  skippedItems(filter: {
    executionId?: string;
    instanceId?: string;
    stepName?: string;
  }): Promise<readonly SkippedItem[]>;
  events(executionId: string): Promise<readonly JobEvent[]>;
}
