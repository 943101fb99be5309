/**
 * Where a persisted partition is kept. Spark's levels, without its replication: one process holds one copy.
 *
 * @see https://spark.apache.org/docs/latest/rdd-programming-guide.html#rdd-persistence
 *
 * @example
 * ```ts
 * import { StorageLevel } from 'millrace';
 * const squares = sc.range(1000).map((n) => n * n).persist(StorageLevel.MEMORY_AND_DISK);
 * console.log(await squares.max(), `${squares.getStorageLevel()}`); // 998001 'MEMORY_AND_DISK'
 * squares.unpersist();
 * ```
 */
export class StorageLevel {
  /** Not kept: recomputed whenever it is needed. */
  static readonly NONE: StorageLevel = new StorageLevel('NONE', false, false);
  /** As columnar blocks in shared memory; a block that does not fit in the budget is dropped and recomputed. */
  static readonly MEMORY_ONLY: StorageLevel = new StorageLevel('MEMORY_ONLY', true, false);
  /** In shared memory, moved to a checksummed file when memory runs short. */
  static readonly MEMORY_AND_DISK: StorageLevel = new StorageLevel('MEMORY_AND_DISK', true, true);
  /** In checksummed files only. */
  static readonly DISK_ONLY: StorageLevel = new StorageLevel('DISK_ONLY', false, true);

  readonly name: StorageLevelName;
  readonly useMemory: boolean;
  readonly useDisk: boolean;

  private constructor(name: StorageLevelName, useMemory: boolean, useDisk: boolean) {
    this.name = name;
    this.useMemory = useMemory;
    this.useDisk = useDisk;
    Object.freeze(this);
  }

  toString(): string {
    return this.name;
  }
}

/** The level's name: what plans and messages carry. */
export type StorageLevelName = 'NONE' | 'MEMORY_ONLY' | 'MEMORY_AND_DISK' | 'DISK_ONLY';
