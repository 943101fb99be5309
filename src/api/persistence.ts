import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import type { Partitioner } from '../plan/lineage/partitioner.ts';
import { StorageLevel } from '../plan/lineage/storage-level.ts';
import type { RDD } from './rdd.ts';
import { Transformations } from './transformations.ts';

/** What an RDD is computed from: a narrow dependency is read as it is, a shuffle deals the parent's rows out anew. */
export type RddDependency =
  | { readonly kind: 'narrow'; readonly rdd: RDD<unknown> }
  | {
      readonly kind: 'shuffle';
      readonly rdd: RDD<unknown>;
      readonly shuffleId: number;
      readonly partitioner: Partitioner;
    };

/** What is kept of an RDD, and what can be asked about it without running anything. */
export abstract class Persistence<T> extends Transformations<T> {
  /**
   * Keeps the computed partitions in memory: `persist(StorageLevel.MEMORY_ONLY)`.
   *
   * @example
   * ```ts
   * const squares = sc.range(1000).map((n) => n * n).cache();
   * console.log(await squares.count()); // 1000
   * console.log(await squares.max()); // 998001
   * ```
   */
  cache(): RDD<T> {
    return this.persist();
  }

  /**
   * Keeps each partition when it is first computed, at `level`, so that later actions read it. Changes and returns this RDD.
   * @throws {MillraceError} MR_OPTION_INVALID if it is kept at another level already
   *
   * @example
   * ```ts
   * import { StorageLevel } from 'millrace';
   * const words = sc.parallelize(['a', 'b']).map((word) => word.toUpperCase()).persist(StorageLevel.MEMORY_AND_DISK);
   * console.log(await words.collect()); // ['A', 'B']
   * words.unpersist();
   * ```
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): RDD<T> {
    if (!(level instanceof StorageLevel))
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `persist: needs a StorageLevel such as StorageLevel.MEMORY_AND_DISK, got ${String(level)}.`,
      );
    this.runner.persist(this.node, level.name);
    return this.self();
  }

  /**
   * Drops what was kept, at once. Changes and returns this RDD.
   *
   * @example
   * ```ts
   * const rdd = sc.range(10).cache();
   * await rdd.count();
   * console.log(rdd.unpersist().getStorageLevel().name); // 'NONE'
   * ```
   */
  unpersist(): RDD<T> {
    this.runner.unpersist(this.node);
    return this.self();
  }

  /**
   * The level it is kept at; `StorageLevel.NONE` when it is not.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).cache().getStorageLevel().name); // 'MEMORY_ONLY'
   * ```
   */
  getStorageLevel(): StorageLevel {
    return StorageLevel[this.runner.levelOf(this.node)];
  }

  /**
   * Marks this RDD to be written to the folder of `sc.setCheckpointDir`, one object file a partition, after the next action on it or on
   * what is made of it. From then on it is read from there and what it was computed from is not looked at again: for long, iterative
   * lineages. The rows are computed once more to be written, so persist it as well. Changes and returns this RDD. The files stay.
   * @throws {MillraceError} MR_OPTION_INVALID when no checkpoint folder is set
   *
   * @example
   * ```ts
   * sc.setCheckpointDir('checkpoints');
   * const squares = sc.range(10).map((n) => n * n).checkpoint();
   * await squares.count();
   * console.log(squares.isCheckpointed()); // true
   * ```
   */
  checkpoint(): RDD<T> {
    this.runner.checkpoints.mark(this.node, 'reliable', captureCallSite(this.checkpoint));
    return this.self();
  }

  /**
   * As {@link checkpoint}, keeping the rows as persisted blocks of this context (MEMORY_AND_DISK) instead of files: faster, but they are
   * lost with `unpersist()` or the context, and then cannot be computed again. Changes and returns this RDD.
   *
   * @example
   * ```ts
   * const squares = sc.range(10).map((n) => n * n).localCheckpoint();
   * console.log(await squares.sum(), squares.isCheckpointed()); // 285 true
   * ```
   */
  localCheckpoint(): RDD<T> {
    this.runner.checkpoints.mark(this.node, 'local', captureCallSite(this.localCheckpoint));
    return this.self();
  }

  /**
   * Whether a checkpoint of this RDD was made, so that its lineage is cut.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).isCheckpointed()); // false
   * ```
   */
  isCheckpointed(): boolean {
    return this.runner.layout.checkpointOf(this.node) !== undefined;
  }

  /**
   * The folder that this RDD's checkpoint is in; undefined before it is written and for a local one.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).getCheckpointFile()); // undefined
   * ```
   */
  getCheckpointFile(): string | undefined {
    return this.runner.checkpoints.fileOf(this.node);
  }

  /**
   * A name for explain and events. Changes and returns this RDD.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).setName('numbers').name); // 'numbers'
   * ```
   */
  setName(name: string): RDD<T> {
    this.runner.setName(this.node, name);
    return this.self();
  }

  /**
   * The name given with {@link setName}; undefined before.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).name); // undefined
   * ```
   */
  get name(): string | undefined {
    return this.runner.nameOf(this.node);
  }

  /**
   * Who dealt the keys out, when that is known: operations by key with the same partitioner need no shuffle. Lists the files of its
   * sources if no action has done so. Undefined where rows lie anywhere, also after `repartition`.
   *
   * @example
   * ```ts
   * const counts = sc.range(10).map((n) => [n % 3, 1] as const).reduceByKey((a, b) => a + b, 4);
   * console.log(counts.partitioner?.numPartitions, counts.map((row) => row).partitioner); // 4 undefined
   * ```
   */
  get partitioner(): Partitioner | undefined {
    const partitioner = this.runner.layout.partitioner(this.node);
    return partitioner?.kind === 'roundRobin' ? undefined : partitioner;
  }

  /**
   * The RDDs that this one is computed from, and how; after a checkpoint, the checkpoint alone.
   *
   * @example
   * ```ts
   * const pairs = sc.range(10).map((n) => [n, n] as const);
   * console.log(pairs.groupByKey().dependencies.map(({ kind }) => kind)); // ['shuffle']
   * ```
   */
  get dependencies(): readonly RddDependency[] {
    return this.runner.layout.dependencies(this.node).map((dependency): RddDependency => {
      const rdd = this.derived(dependency.parent);
      if (dependency.kind === 'narrow') return { kind: 'narrow', rdd };
      const { shuffleId, partitioner } = dependency;
      return { kind: 'shuffle', rdd, shuffleId, partitioner };
    });
  }

  /**
   * The stages an action would run: tasks, shuffles and their partitioners, operators with call sites, cache marks, tier.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).map((n) => [n % 2, n] as const).groupByKey().explain());
   * ```
   */
  explain(): string {
    return this.runner.explain(this.node);
  }

  /**
   * The lineage, as Spark prints it.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).filter((n) => n > 3).toDebugString());
   * ```
   */
  toDebugString(): string {
    return this.runner.debugString(this.node);
  }
}
