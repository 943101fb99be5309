import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { defined } from '../../base/defined.ts';
import type { StorageLevelName } from '../../plan/lineage/storage-level.ts';
import type { Block } from '../protocol/block.ts';
import { BlockFileWriter } from './block-file.ts';

interface CachedRdd {
  readonly level: StorageLevelName;
  readonly blocks: Map<number, Block>;
}

export interface BlockStoreSettings {
  readonly tempDir: string;
  /** Shared memory that cached blocks may take, given what everything else takes now. */
  readonly availableBytes: () => number;
  /** A block could not be written to disk. It is dropped, and computed again when needed. */
  readonly onWriteFailed: (nodeId: number, partition: number, error: unknown) => void;
}

/**
 * Driver side: the cached partitions of every persisted RDD. Memory is kept within the budget by evicting the least recently used
 * block of another RDD: to a file where the level allows it, else it is dropped and computed again when needed.
 */
export class BlockStore {
  readonly #settings: BlockStoreSettings;
  readonly #rdds = new Map<number, CachedRdd>();
  /** Memory blocks, least recently used first. */
  readonly #recent = new Map<string, { readonly nodeId: number; readonly partition: number }>();
  #memoryBytes = 0;
  #nextFile = 0;

  constructor(settings: BlockStoreSettings) {
    this.#settings = settings;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  persist(nodeId: number, level: StorageLevelName): void {
    if (!this.#rdds.has(nodeId)) this.#rdds.set(nodeId, { level, blocks: new Map() });
  }

  level(nodeId: number): StorageLevelName {
    return this.#rdds.get(nodeId)?.level ?? 'NONE';
  }

  numCached(nodeId: number): number {
    return this.#rdds.get(nodeId)?.blocks.size ?? 0;
  }

  has(nodeId: number, partition: number): boolean {
    return this.#rdds.get(nodeId)?.blocks.has(partition) ?? false;
  }

  get(nodeId: number, partition: number): Block | undefined {
    const block = this.#rdds.get(nodeId)?.blocks.get(partition);
    if (block?.kind === 'memory') {
      const name = `${nodeId}:${partition}`;
      this.#recent.delete(name);
      this.#recent.set(name, { nodeId, partition });
    }
    return block;
  }

  put(nodeId: number, partition: number, block: Block): void {
    const rdd = this.#rdds.get(nodeId);
    if (rdd === undefined || rdd.blocks.has(partition)) {
      discardBlock(block);
      return;
    }
    if (block.kind === 'disk') {
      rdd.blocks.set(partition, block);
      return;
    }
    while (block.sizeBytes > this.#settings.availableBytes() && this.#evictOldest(nodeId));
    if (block.sizeBytes > this.#settings.availableBytes()) {
      if (rdd.level === 'MEMORY_AND_DISK') this.#toDisk(rdd, nodeId, partition, block);
      return;
    }
    rdd.blocks.set(partition, block);
    this.#recent.set(`${nodeId}:${partition}`, { nodeId, partition });
    this.#memoryBytes += block.sizeBytes;
  }

  drop(nodeId: number, partition: number): void {
    const blocks = this.#rdds.get(nodeId)?.blocks;
    const block = blocks?.get(partition);
    if (blocks === undefined || block === undefined) return;
    blocks.delete(partition);
    this.#forget(nodeId, partition, block);
    discardBlock(block);
  }

  unpersist(nodeId: number): void {
    for (const partition of this.#rdds.get(nodeId)?.blocks.keys() ?? []) this.drop(nodeId, partition);
    this.#rdds.delete(nodeId);
  }

  /** The file that holds a block now. */
  pathOf(nodeId: number, partition: number): string | undefined {
    const block = this.#rdds.get(nodeId)?.blocks.get(partition);
    return block?.kind === 'disk' ? block.path : undefined;
  }

  /** Every cached block there is: what a chaos test drops or damages. */
  entries(): readonly { readonly nodeId: number; readonly partition: number; readonly block: Block }[] {
    return [...this.#rdds].flatMap(([nodeId, { blocks }]) =>
      [...blocks].map(([partition, block]) => ({ nodeId, partition, block })),
    );
  }

  #forget(nodeId: number, partition: number, block: Block): void {
    if (block.kind === 'memory' && this.#recent.delete(`${nodeId}:${partition}`)) this.#memoryBytes -= block.sizeBytes;
  }

  /** As in Spark, a block never makes room for another of its own RDD: that would only turn a scan into a round of misses. */
  #evictOldest(forNode: number): boolean {
    for (const { nodeId, partition } of this.#recent.values()) {
      if (nodeId === forNode) continue;
      const rdd = defined(this.#rdds.get(nodeId), `cached RDD ${nodeId}`);
      const block = defined(rdd.blocks.get(partition), `block ${partition} of RDD ${nodeId}`);
      this.#forget(nodeId, partition, block);
      rdd.blocks.delete(partition);
      if (rdd.level === 'MEMORY_AND_DISK') this.#toDisk(rdd, nodeId, partition, block);
      return true;
    }
    return false;
  }

  #toDisk(rdd: CachedRdd, nodeId: number, partition: number, block: Block): void {
    if (block.kind === 'disk') return;
    const path = join(this.#settings.tempDir, `rdd-${nodeId}-${partition}-evicted-${this.#nextFile++}`);
    let writer: BlockFileWriter | undefined;
    try {
      writer = new BlockFileWriter(path);
      for (const batch of block.batches) writer.append(batch);
      writer.close();
      const { rows, sizeBytes } = block;
      rdd.blocks.set(partition, { kind: 'disk', path, batches: writer.extents, rows, sizeBytes });
    } catch (error) {
      writer?.discard();
      this.#settings.onWriteFailed(nodeId, partition, error);
    }
  }
}

/** Frees what a block takes beside memory. */
export function discardBlock(block: Block): void {
  if (block.kind === 'disk') rmSync(block.path, { force: true });
}
