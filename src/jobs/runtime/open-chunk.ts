import type { JsonValue } from '../definition/json-value.ts';
import type { AnyContext, ChunkBody } from '../definition/step-definition.ts';
import type { StepRecord } from '../repository/execution-records.ts';
import type { InputEntry } from './chunk-input.ts';
import type { Outputs } from './chunk-processor.ts';
import type { ExecutionState } from './execution-state.ts';
import type { StepRun } from './step-run.ts';

/** What a commit keeps of a chunk loop besides counts and context. */
export interface StepCheckpoint {
  readonly position: JsonValue;
  readonly drop: number;
  /** Of the next input record. */
  readonly index: number;
  readonly sink?: JsonValue;
  /**
   * Input indexes at which the ranges of an unfinished scan end. A restart writes the same ranges, so that their keys
   * are those of what it may write again.
   */
  readonly ranges?: readonly number[];
}

/** What became of an entry when it is no list of outputs. */
export class Skipped {
  readonly phase: 'read' | 'process' | 'write';
  readonly error: unknown;

  /** How many outputs a write-skip gave up: it counts outputs (ST-201). */
  readonly outputs: number;

  constructor(phase: 'read' | 'process' | 'write', error: unknown, outputs: Outputs | Skipped | undefined = undefined) {
    this.phase = phase;
    this.error = error;
    this.outputs = Array.isArray(outputs) ? outputs.length : 1;
  }
}

/** The open chunk: its input and, entry by entry, what became of it. */
export interface OpenChunk {
  readonly firstIndex: number;
  readonly entries: InputEntry[];
  readonly outcomes: (Outputs | Skipped)[];
  /** The context behind an entry that changed it, by position in `entries`; -1 is the start of the chunk. */
  readonly contexts: Map<number, string | undefined>;
  /** Indexes of the skipped items that `onSkip` was told of. */
  readonly told: Set<number>;
}

/** Entries of a chunk that are written and committed together: positions in it, `to` not included. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
}

/** The skips of a step so far, shared by its partitions. */
export interface SkipTally {
  committed: number;
}

/** What the parts of a chunk loop share. */
export interface LoopState {
  readonly step: StepRun;
  readonly body: ChunkBody;
  readonly record: StepRecord;
  readonly c: AnyContext;
  readonly context: ExecutionState;
  readonly partition: number | undefined;
  readonly tally: SkipTally;
  readonly isTransactional: boolean;
  readonly keyPrefix: string;
  readonly skipLimit: number;
  /** Failed attempts and further tries that no commit has counted yet. */
  readonly pending: { rollback: number; retry: number };
  checkpoint: StepCheckpoint | undefined;
  /** Step and partition, for events. */
  readonly where: { readonly stepName: string; readonly partition?: number };
}

export function isSkipped(outcome: Outputs | Skipped | undefined): outcome is Skipped {
  return outcome instanceof Skipped;
}
