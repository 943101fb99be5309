/**
 * Rows at rest: encoded record batches, in shared memory or in a file. Plain data; the batches describe themselves.
 *
 * Invariant: nobody writes to a block's bytes after the task that made it has ended. Kept by the writers (each writes fresh memory).
 */
export type Block = MemoryBlock | DiskBlock;

export interface MemoryBlock {
  readonly kind: 'memory';
  /** Each an encoded batch over shared memory. */
  readonly batches: readonly Uint8Array[];
  readonly rows: number;
  readonly sizeBytes: number;
}

export interface DiskBlock {
  readonly kind: 'disk';
  readonly path: string;
  /** Where each batch lies in the file, and the checksum of its bytes. */
  readonly batches: readonly DiskExtent[];
  readonly rows: number;
  readonly sizeBytes: number;
}

export interface DiskExtent {
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
}

/**
 * What one map task wrote, for all reduce partitions: batches of partition p are those from `starts[p]` to `starts[p + 1]`.
 * One or a few buffers a map task, however many partitions, so that 500 x 500 partitions cost 500 references and not 250 000.
 */
export interface MapOutput {
  readonly mapPartition: number;
  /** Over shared memory; length numPartitions + 1. */
  readonly starts: Int32Array;
  readonly segments: MapOutputSegments;
  readonly rows: number;
  readonly sizeBytes: number;
}

export type MapOutputSegments =
  /** Batch i is `length[i]` bytes from `offset[i]` of buffer `buffer[i]`: three numbers a batch in `extents`, over shared memory. */
  | { readonly kind: 'memory'; readonly buffers: readonly Uint8Array[]; readonly extents: Float64Array }
  /** Batch i is `length[i]` bytes from `offset[i]` of the file, with a checksum: three numbers a batch in `extents`. */
  | { readonly kind: 'disk'; readonly path: string; readonly extents: Float64Array };
