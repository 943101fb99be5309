import type { Clock } from '../definition/clock.ts';
import type { DataSource } from '../definition/data-source.ts';
import type { AnyJob } from '../definition/job.ts';
import type { JobExecution } from '../definition/job-execution.ts';
import type { Logger } from '../definition/logger.ts';
import type { Probe } from '../definition/probe.ts';
import type { ExecutionStore } from '../repository/execution-store.ts';
import type { EventHub } from './event-hub.ts';
import type { SharedEngine } from './shared-engine.ts';

/** A job that was started as a step of another. */
export interface ChildRun {
  readonly executionId: string;
  finished(): Promise<JobExecution>;
  stop(): Promise<void>;
  /** The error that failed it, as it was thrown. */
  cause(): unknown;
}

/** What a run needs of its operator. */
export interface RunHost {
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly hub: EventHub;
  readonly logger: Logger;
  readonly dataSource: DataSource;
  readonly random: () => number;
  readonly probe: Probe;
  readonly maxConcurrentSteps: number;
  /** When a lease that began at `fromMs` was renewed last, both on `process.hrtime`, in ms. */
  readonly renewedAtMs: (fromMs: number) => number;
  readonly engine: SharedEngine;
  readonly launchChild: (child: AnyJob, parameters: object, parentStepId: string) => Promise<ChildRun>;
}
