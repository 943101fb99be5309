import type { DataSource } from '../definition/data-source.ts';
import type { ChunkWrite, ItemSink, ItemWriter } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepContext } from '../definition/step-context.ts';

/**
 * What the runtime and the writers of this room tell each other beyond the public interfaces. Every part is optional:
 * writers of users know nothing of it, and a sink of ours that is not told does the safe thing.
 */
export interface SinkStart {
  readonly c: StepContext<unknown, unknown>;
  /** Of the last commit. */
  readonly state?: JsonValue;
  /** Of an earlier run that did not get to its end, also when this one begins anew: what that has published is ours. */
  readonly lastState?: JsonValue;
  /** `<instance>/<generation>/<step>/<partition>`, with which the keys of the chunks begin. */
  readonly key?: string | undefined;
  /** Of the execution: a marker written under a higher one is never overwritten. */
  readonly fence?: number | undefined;
  /** Whether the last owner ended by itself: only then is its file surely not being written any more. Default false. */
  readonly isCleanRestart?: boolean | undefined;
  /** Whether the step begins anew in an instance that has run before: what earlier runs left counts for nothing. Default false. */
  readonly isFromStart?: boolean | undefined;
}

/** A range that a sink with a transaction of its own writes together with what the commit will store (ST-50). */
export interface MarkedChunk extends ChunkWrite {
  readonly commit?: {
    /** The input index behind this range. */
    readonly index: number;
    /** Checkpoint, counts and skipped items, as the runtime wants them back from {@link MarkedSink.marker}. */
    readonly record: JsonValue;
  };
}

/** A sink in another database. A resume asks for its marker first and adopts one whose index is ahead of the checkpoint. */
export interface MarkedSink<O> extends ItemSink<O> {
  marker(): Promise<{ readonly index: number; readonly record: JsonValue } | undefined>;
}

/**
 * A writer whose partitions are published together: the runtime calls it once all partitions of the step are done and
 * each has had its own `publish`, and once more after a crash, with the last state of each partition's sink, by index.
 */
export interface PublishesTogether {
  publishPartitions(c: StepContext<unknown, unknown>, states: readonly JsonValue[]): Promise<void>;
}

/**
 * Whether the writer's sink writes inside the chunk transaction of this repository. A table writer with a data source
 * knows that only once it sees the repository: with the same URL it does.
 */
export function joinsTransaction(writer: ItemWriter<never>, repository: DataSource): boolean {
  const { joins } = writer as { readonly joins?: (repository: DataSource) => boolean };
  return joins === undefined ? writer.transactional === true : joins.call(writer, repository);
}
