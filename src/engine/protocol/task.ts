import type { ClosurePayload } from '../../base/closures/payload.ts';
import type { StagedPart } from '../../data/io/output-spec.ts';
import type { FileSystemSettings } from '../../data/io/remote/open-file-systems.ts';
import type { Split } from '../../data/io/split.ts';
import type { FunctionOrigin, TaskNode, TaskOutput } from '../../plan/stages/task-plan.ts';
import type { Block, MapOutput } from './block.ts';

/** Everything the tasks of one stage share: sent as bytes in shared memory, decoded once a worker and stage. */
export interface StagePayload {
  readonly plan: TaskNode;
  readonly output: TaskOutput;
  readonly closures: ClosurePayload;
  /** One a function of `closures`. */
  readonly origins: readonly FunctionOrigin[];
  /** Splits of each file source, by node id. */
  readonly splits: readonly (readonly [nodeId: number, splits: readonly Split[]])[];
  /** For each zipWithIndex, by node id: the rows in all partitions before each. */
  readonly rowsBefore: readonly (readonly [nodeId: number, counts: readonly number[]])[];
}

/** A stage as it is named in a batch; the payload without what cannot be serialised to bytes. */
export interface StageReference {
  /** Of this payload: a stage that is planned again, with other captured values, has another. */
  readonly payloadId: number;
  /** `v8.serialize` of the {@link StagePayload} with `closures.shared` left empty. */
  readonly payload: Uint8Array;
  /** Large captured values, one buffer each. */
  readonly shared: readonly SharedArrayBuffer[];
  readonly broadcasts: readonly BroadcastReference[];
}

/** A broadcast value: the captured function that gives it. */
export interface BroadcastReference {
  readonly id: number;
  readonly payload: Uint8Array;
  readonly shared: readonly SharedArrayBuffer[];
}

export interface TaskDescription {
  readonly partition: number;
  /** Counted from 1; no two tries of a task have the same. */
  readonly attempt: number;
}

/** The data that the tasks of a batch read, beside files. */
export interface TaskInputs {
  readonly blocks: readonly { readonly nodeId: number; readonly partition: number; readonly block: Block }[];
  readonly shuffles: readonly { readonly shuffleId: number; readonly outputs: readonly MapOutput[] }[];
}

/** A run of tasks of one stage for one worker: one message there, one back. */
export interface TaskBatch {
  /** In the names of all files that the batch makes: `-b12-`. */
  readonly id: number;
  readonly stage: StageReference;
  readonly tasks: readonly TaskDescription[];
  readonly inputs: TaskInputs;
  /** Int32Array over shared memory; see {@link Control}. */
  readonly control: Int32Array;
  readonly settings: ExecutorSettings;
}

/** Broadcasts whose copies in workers are no longer wanted: how many since the context began, and the latest of them. */
export interface ReleasedBroadcasts {
  readonly count: number;
  readonly latest: readonly number[];
}

export interface ExecutorSettings {
  /** Grows when much shared memory was given up: a worker that sees a new number lets go of what it still refers to. */
  readonly reclaim: number;
  readonly released: ReleasedBroadcasts;
  /** How remote stores are reached. May hold credentials: it goes to workers and nowhere else, never into a plan or an event. */
  readonly stores: FileSystemSettings;
  /** Folder for spill files and blocks on disk. */
  readonly tempDir: string;
  /** Bytes of rows that one task may hold before it spills. */
  readonly executionBytes: number;
  /** Bytes that the values of a single key may take. */
  readonly groupBytes: number;
  /** Bytes of shared memory that one task may leave behind; map output beyond that goes to a file. */
  readonly outputBytes: number;
  /** Bytes of shared memory that one cached block may take: older blocks of other RDDs make room for it. */
  readonly blockBytes: number;
}

/** Fields of {@link TaskBatch.control}. */
export const Control = {
  /** Written by the worker: position in `tasks` of the task at work, so that a dead worker's culprit is known. */
  running: 0,
  /** Written by the driver: not 0 when the tasks that have not begun are no longer wanted. */
  cancelled: 1,
  /** Written by the worker: its thread id, so that the driver knows whom it has to outlive. */
  thread: 2,
  /** Written by the worker: the id of the process that its task waits for, which the driver ends with the thread; 0 for none. */
  process: 3,
  length: 4,
} as const;

export type TaskOutcome = TaskSuccess | TaskFailure;

export interface TaskSuccess {
  readonly kind: 'success';
  readonly partition: number;
  readonly attempt: number;
  readonly value: TaskValue;
  /** Partitions of cached RDDs that were computed on the way. */
  readonly cached: readonly { readonly nodeId: number; readonly partition: number; readonly block: Block }[];
  /** An encoded batch of `[accumulatorId, value]` rows; absent when nothing was added. */
  readonly accumulators: Uint8Array | undefined;
  readonly metrics: TaskMetrics;
}

export type TaskValue =
  | { readonly kind: 'mapOutput'; readonly output: MapOutput }
  | { readonly kind: 'rows'; readonly batches: readonly Uint8Array[] }
  /** An Arrow IPC stream in shared memory. */
  | { readonly kind: 'arrow'; readonly stream: Uint8Array }
  | { readonly kind: 'count'; readonly count: number }
  /** An encoded batch of one row, or of none where the partition was empty. */
  | { readonly kind: 'value'; readonly batch: Uint8Array }
  | { readonly kind: 'sample'; readonly keys: Uint8Array; readonly rows: number }
  | { readonly kind: 'part'; readonly part: StagedPart };

export interface TaskMetrics {
  readonly rowsRead: number;
  /** Those of `rowsRead` that come from files, ranges and values, not from shuffles. */
  readonly sourceRows: number;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly spilledBytes: number;
  readonly durationMs: number;
}

export interface TaskFailure {
  readonly kind: 'failure';
  readonly partition: number;
  readonly attempt: number;
  readonly reason: TaskFailureReason;
}

/** Why a task failed: each kind has a behaviour of its own in `dag-state`. */
export type TaskFailureReason =
  /** The user's function threw: tried again, then the action fails. */
  | {
      readonly kind: 'userFunction';
      readonly error: TransportedError;
      readonly operator: string;
      readonly callSite: FunctionOrigin['callSite'];
      readonly row: number | undefined;
    }
  /** Input, output or memory: tried again only where that can help. */
  | { readonly kind: 'error'; readonly error: TransportedError; readonly canRetry: boolean }
  /** Map outputs are gone, or the file of one is broken: they are made again, then this task runs. */
  | {
      readonly kind: 'fetchFailed';
      readonly shuffleId: number;
      readonly mapPartitions: readonly number[];
      readonly path: string | undefined;
    }
  /** The file of a cached block is broken: it is dropped, and the task runs again with what the block is computed from. */
  | { readonly kind: 'blockLost'; readonly nodeId: number; readonly partition: number; readonly path: string }
  /** The thread died while it ran this task. */
  | { readonly kind: 'workerLost'; readonly message: string }
  /** Another task of the batch ended the thread, or the batch was cancelled before this task began: no fault of its own. */
  | { readonly kind: 'notRun' };

/** An error as it crosses threads: classes do not survive `postMessage`. */
export interface TransportedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly cause: TransportedError | undefined;
}
