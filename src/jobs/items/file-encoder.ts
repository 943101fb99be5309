import type { JsonValue } from '../definition/json-value.ts';

/** How the items of a file follow each other. One encoder a file; it may remember what it has written. */
export interface FileEncoder<O> {
  /** What stands before the first item. */
  readonly header: Buffer;
  /** What stands behind the last one. */
  readonly footer: Buffer;
  /** @param isFirst whether no item was written before these, in this run or an earlier one */
  encode(items: readonly O[], isFirst: boolean): Buffer;
  /** Appending to a file: looks at how it begins, and throws when what follows would not fit. */
  appendTo?(head: Buffer, path: string): void;
  /** What the encoder knows beyond its options; given back to {@link FileFormat.encoder} by a restart. */
  state?(): JsonValue;
}

export interface FileFormat<O> {
  /** The name of the writer, for messages. */
  readonly writer: string;
  encoder(state: JsonValue | undefined): FileEncoder<O>;
}
