import type { SqlSession } from './data-source.ts';
import type { Guarantee } from './guarantee.ts';
import type { JsonValue } from './json-value.ts';
import type { StepContext } from './step-context.ts';

export type { Guarantee } from './guarantee.ts';

/** Where the items of a chunk step go. Opened once a run of a step or partition. */
export interface ItemWriter<in O> {
  readonly guarantee: Guarantee;
  /** Whether it writes inside the chunk transaction, through {@link ChunkWrite.tx}. */
  readonly transactional?: boolean;
  /** @param start.state of the last commit */
  open(start: {
    // biome-ignore lint/suspicious/noExplicitAny: a writer serves steps of any job
    readonly c: StepContext<any, any>;
    readonly state?: JsonValue;
  }): ItemSink<O> | Promise<ItemSink<O>>;
}

export interface ItemSink<in O> {
  /** Outside the transaction: durable when it resolves. */
  write(items: readonly O[], chunk: ChunkWrite): void | Promise<void>;
  /** The attempt failed: takes back what it wrote. */
  rollback?(chunk: ChunkWrite): void | Promise<void>;
  /** Kept by each commit. */
  state?(): JsonValue;
  /** After the last chunk, once more after a crash. */
  publish?(): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface ChunkWrite {
  /** Index in the input of the first item of the range. */
  readonly firstIndex: number;
  /** `<instance>/<generation>/<step>/<partition>/<first index>-<count>`: the same for a retry and after a crash. */
  readonly key: string;
  readonly signal: AbortSignal;
  /** For transactional writers. */
  readonly tx?: SqlSession;
}
