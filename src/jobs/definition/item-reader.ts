import type { JsonValue } from './json-value.ts';
import type { StepContext } from './step-context.ts';

/** Where the items of a chunk step come from. Opened once a run of a step or partition. */
export interface ItemReader<out I> {
  /** @param position of {@link ItemStream.position} in an earlier run; undefined: from the beginning */
  // biome-ignore lint/suspicious/noExplicitAny: a reader serves steps of any job
  open(position: JsonValue | undefined, c: StepContext<any, any>): ItemStream<I> | Promise<ItemStream<I>>;
  /** false: it cannot go on in the middle. Default true. */
  readonly restartable?: boolean;
  /** Cuts the input into at most `n` parts, each the value of a partition. */
  // biome-ignore lint/suspicious/noExplicitAny: a reader serves steps of any job
  split?(n: number, c: StepContext<any, any>): readonly JsonValue[] | Promise<readonly JsonValue[]>;
}

export interface ItemStream<out I> {
  /**
   * At most `size` items; none at the end. An error of one record (MR_PARSE, MR_VALIDATION) is thrown when the records
   * before it were read, with the stream behind it; an error to be tried again leaves the stream where it was (ST-204).
   */
  read(size: number): readonly I[] | Promise<readonly I[]>;
  /** Where the next read begins. */
  position(): JsonValue;
  progress?(): { current: number; total?: number };
  close?(): void | Promise<void>;
}
