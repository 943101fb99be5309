/** What the engine tells while it works: `sc.on('event', listener)`. Times are milliseconds since the epoch. */
export type EngineEvent =
  | {
      readonly kind: 'actionStarted';
      readonly actionId: number;
      readonly action: string;
      readonly callSite: string;
      readonly group: string | undefined;
      readonly description: string | undefined;
      readonly stages: number;
      readonly at: number;
    }
  | {
      readonly kind: 'actionEnded';
      readonly actionId: number;
      readonly action: string;
      readonly status: 'succeeded' | 'failed' | 'cancelled';
      readonly durationMs: number;
      readonly at: number;
    }
  /** Files came to a directory or pattern, or went, while an action read it for the first time: they are not, or still, in its result. */
  | {
      readonly kind: 'inputChanged';
      readonly actionId: number;
      /** `textFile at report.ts:3` */
      readonly source: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly at: number;
    }
  | {
      readonly kind: 'stageSubmitted';
      readonly actionId: number;
      readonly stageKey: number;
      readonly name: string;
      readonly tasks: number;
      readonly at: number;
    }
  | { readonly kind: 'stageCompleted'; readonly stageKey: number; readonly name: string; readonly at: number }
  | {
      readonly kind: 'taskStarted';
      readonly stageKey: number;
      readonly partition: number;
      readonly attempt: number;
      /** A second try beside one that takes long. */
      readonly speculative: boolean;
      readonly at: number;
    }
  | {
      readonly kind: 'taskEnded';
      readonly stageKey: number;
      readonly partition: number;
      readonly attempt: number;
      /** `dropped`: it gave a result that was not needed any more. */
      readonly status: 'succeeded' | 'dropped' | 'failed' | 'notRun';
      /** Why it failed; absent when it did not. */
      readonly reason?: string;
      readonly rowsRead: number;
      /** Those of `rowsRead` that come from files, ranges and values and are not looked at for a sample only. */
      readonly sourceRows: number;
      readonly rowsWritten: number;
      /** Those of `rowsWritten` that are in a part of an output, not in a shuffle or a result. */
      readonly savedRows: number;
      readonly bytesWritten: number;
      readonly spilledBytes: number;
      readonly durationMs: number;
      readonly at: number;
    }
  | { readonly kind: 'workerLost'; readonly message: string; readonly at: number }
  | { readonly kind: 'blockCached'; readonly rddId: number; readonly partition: number; readonly at: number }
  | {
      readonly kind: 'blockLost';
      readonly rddId: number;
      readonly partition: number;
      /** Why a block that was to go to disk did not; absent when a file was damaged. */
      readonly reason?: string;
      readonly at: number;
    }
  | {
      readonly kind: 'outputsLost';
      readonly shuffleId: number;
      readonly mapPartitions: readonly number[];
      readonly at: number;
    };

/** Every kind of event there is. */
export const EVENT_KINDS: readonly EngineEvent['kind'][] = Object.keys({
  actionStarted: true,
  actionEnded: true,
  inputChanged: true,
  stageSubmitted: true,
  stageCompleted: true,
  taskStarted: true,
  taskEnded: true,
  workerLost: true,
  blockCached: true,
  blockLost: true,
  outputsLost: true,
} satisfies Record<EngineEvent['kind'], true>) as EngineEvent['kind'][];
