import { encodeBatch, encodePairBatch } from '../../data/columnar/row-codec.ts';
import type { MapOutput, MapOutputSegments } from '../protocol/block.ts';
import type { BlockFileWriter } from '../storage/block-file.ts';
import { ChunkAllocator } from '../storage/chunk-allocator.ts';

interface Segment {
  readonly partition: number;
  readonly rows: number;
  readonly bytes: Uint8Array;
}

export interface MapOutputSettings {
  readonly mapPartition: number;
  readonly numPartitions: number;
  /** Shared memory the output may take; beyond it everything goes to a file. */
  readonly memoryBytes: number;
  /** That file, made when it is needed. */
  readonly newFile: () => BlockFileWriter;
}

/** Collects the encoded batches of one map task, in any order of partitions, into one {@link MapOutput}. */
export class MapOutputWriter {
  readonly #settings: MapOutputSettings;
  readonly #allocator = new ChunkAllocator();
  readonly #segments: Segment[] = [];
  readonly #onDisk: { partition: number; offset: number; length: number; checksum: number }[] = [];
  #file: BlockFileWriter | undefined;
  #rows = 0;
  #sizeBytes = 0;

  constructor(settings: MapOutputSettings) {
    this.#settings = settings;
  }

  writeRows(partition: number, rows: readonly unknown[]): void {
    this.#add({ partition, rows: rows.length, bytes: encodeBatch(rows, 0, rows.length, this.#allocator.allocate) });
  }

  writePairs(partition: number, keys: readonly unknown[], values: readonly unknown[]): void {
    this.#add({ partition, rows: keys.length, bytes: encodePairBatch(keys, values, this.#allocator.allocate) });
  }

  get spilledBytes(): number {
    return this.#file?.sizeBytes ?? 0;
  }

  finish(): MapOutput {
    const { mapPartition } = this.#settings;
    const counts = { rows: this.#rows, sizeBytes: this.#sizeBytes };
    if (this.#file !== undefined) {
      this.#file.close();
      const order = stableOrder(this.#onDisk);
      const extents = sharedFloats(order.length * 3);
      order.forEach(({ offset, length, checksum }, i) => {
        extents.set([offset, length, checksum], i * 3);
      });
      const segments: MapOutputSegments = { kind: 'disk', path: this.#file.path, extents };
      return { mapPartition, starts: this.#starts(order), segments, ...counts };
    }
    const order = stableOrder(this.#segments);
    const buffers = new Map<ArrayBufferLike, { readonly index: number; readonly view: Uint8Array }>();
    const extents = sharedFloats(order.length * 3);
    order.forEach(({ bytes }, i) => {
      let buffer = buffers.get(bytes.buffer);
      if (buffer === undefined) {
        buffer = { index: buffers.size, view: new Uint8Array(bytes.buffer) };
        buffers.set(bytes.buffer, buffer);
      }
      extents.set([buffer.index, bytes.byteOffset, bytes.length], i * 3);
    });
    const views = [...buffers.values()].map(({ view }) => view);
    return {
      mapPartition,
      starts: this.#starts(order),
      segments: { kind: 'memory', buffers: views, extents },
      ...counts,
    };
  }

  #add(segment: Segment): void {
    this.#rows += segment.rows;
    this.#sizeBytes += segment.bytes.length;
    this.#segments.push(segment);
    if (this.#file === undefined && this.#sizeBytes <= this.#settings.memoryBytes) return;
    this.#file ??= this.#settings.newFile();
    for (const { partition, bytes } of this.#segments) this.#onDisk.push({ partition, ...this.#file.append(bytes) });
    this.#segments.length = 0;
  }

  #starts(order: readonly { readonly partition: number }[]): Int32Array {
    const { numPartitions } = this.#settings;
    const starts = new Int32Array(new SharedArrayBuffer((numPartitions + 1) * 4));
    let at = 0;
    for (let partition = 0; partition <= numPartitions; partition++) {
      while (at < order.length && (order[at]?.partition ?? 0) < partition) at++;
      starts[partition] = at;
    }
    return starts;
  }
}

/** By partition; batches of one partition stay in the order they were written. */
function stableOrder<T extends { readonly partition: number }>(segments: readonly T[]): readonly T[] {
  return segments.toSorted((a, b) => a.partition - b.partition);
}

function sharedFloats(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}
