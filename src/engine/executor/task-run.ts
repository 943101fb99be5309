import { deepCopy } from '../../base/deep-copy.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { compareValues } from '../../data/columnar/ordering.ts';
import { pairOf } from '../../data/columnar/pair.ts';
import { batchRows, decodeBatch, decodePairBatch } from '../../data/columnar/row-codec.ts';
import type { FunctionIndex } from '../../plan/codegen/loop-step.ts';
import type { StageLoop } from '../../plan/codegen/stage-loop.ts';
import { checkIterable, PromiseFound, UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import type { TaskNode } from '../../plan/stages/task-plan.ts';
import type { Block, MapOutput } from '../protocol/block.ts';
import { ExternalGroups, type ExternalGroupsSettings, type GroupBuilder } from '../shuffle/external-groups.ts';
import { externalJoin } from '../shuffle/external-join.ts';
import { externalSort } from '../shuffle/external-sort.ts';
import { AggregationBuilder, CogroupBuilder, refuseLargeGroup } from '../shuffle/group-builders.ts';
import type { PairBatch } from '../shuffle/hash-fan-out.ts';
import { BlockLost } from '../storage/block-lost.ts';
import { blockBatches, blockRows, mapOutputBatches } from '../storage/block-reader.ts';
import { BlockWriter } from '../storage/block-writer.ts';
import type { TaskFiles } from '../storage/task-files.ts';
import { foldRows } from './fold-rows.ts';
import { type LoadedStage, stageLoop } from './loaded-stage.ts';
import { operateOn, zipRows } from './partition-operations.ts';
import { batchesOf, rowsOf } from './rows.ts';

/** Map outputs that a task could not read: the driver has them made again. */
export class FetchFailed extends Error {
  readonly shuffleId: number;
  readonly mapPartition: number;
  /** The file that could not be read. */
  readonly path: string | undefined;

  constructor(shuffleId: number, { mapPartition, segments }: MapOutput, cause: unknown) {
    super(`output ${mapPartition} of shuffle ${shuffleId} is lost`, { cause });
    this.shuffleId = shuffleId;
    this.mapPartition = mapPartition;
    this.path = segments.kind === 'disk' ? segments.path : undefined;
  }
}

/** A block of a cached RDD that could not be read: the driver drops it and hands in what it is computed from. */
export class CachedBlockLost extends Error {
  readonly nodeId: number;
  readonly partition: number;
  /** The file that could not be read. */
  readonly path: string;

  constructor({ nodeId, partition, path }: { nodeId: number; partition: number; path: string }, cause: unknown) {
    super(`block ${partition} of RDD ${nodeId} is lost`, { cause });
    this.nodeId = nodeId;
    this.partition = partition;
    this.path = path;
  }
}

type Batches = Iterable<unknown[]>;
type UserFunctions = [zero: () => unknown, merge: (...args: unknown[]) => unknown];
type NodeOf<K extends TaskNode['kind']> = Extract<TaskNode, { readonly kind: K }>;

/** What a task reads and leaves beside its result. */
export interface TaskEnvironment {
  readonly stage: LoadedStage;
  block(nodeId: number, partition: number): Block | undefined;
  mapOutputs(shuffleId: number): readonly MapOutput[];
  readonly files: TaskFiles;
  /** Memory for rows that this task holds at once. */
  readonly executionBytes: number;
  /** Memory for the values of a single key. */
  readonly groupBytes: number;
  /** Memory for a cached block; a larger one goes to a file. */
  readonly blockBytes: number;
}

/** Told of every batch that went into a loop: its rows, or the values of its pairs. */
type AfterBatch = (rows: readonly unknown[]) => void;

/**
 * Computes partitions of a plan, pulling batches of rows through it: synchronous and lazy, so that an action that wants no more rows
 * stops the source. What awaits is computed beforehand (see `async-steps.ts`) and handed in through `ready`.
 */
export class TaskRun {
  readonly #environment: TaskEnvironment;
  /** Partitions of pipelines with async functions, computed already. */
  readonly #ready: ReadonlyMap<TaskNode, ReadonlyMap<number, Batches>>;
  readonly cached: { nodeId: number; partition: number; block: Block }[] = [];
  rowsRead = 0;
  /** What came out of the rows given to a function over a partition, in place of the rest of them. */
  cutShort: { readonly error: unknown } | undefined;
  /** Those that are no rows of a shuffle. */
  sourceRows = 0;

  constructor(environment: TaskEnvironment, ready: ReadonlyMap<TaskNode, ReadonlyMap<number, Batches>>) {
    this.#environment = environment;
    this.#ready = ready;
  }

  /** @param limit how many of the rows are wanted: functions that make them are not asked for many more */
  compute(node: TaskNode, partition: number, limit: number = Number.POSITIVE_INFINITY): Batches {
    const ready = this.#ready.get(node)?.get(partition);
    if (ready !== undefined) return ready;
    switch (node.kind) {
      case 'blocks':
        return this.#fromSource(blockRows(this.#block(node.nodeId, partition)));
      case 'range':
        return this.#fromSource(rangeRows(node, partition));
      case 'source': {
        const { stage } = this.#environment;
        const split = defined(stage.splits(node.nodeId)[partition], `split ${partition}`);
        const settings = { fileSystems: stage.fileSystems, use: stage.useOf(node) };
        return this.#fromSource(stage.readerOf(node.source.format)(node.source, split, settings) as Batches);
      }
      case 'pipeline':
        return this.#pipeline(node, partition, limit);
      case 'mapPartitions':
        return this.#callOverPartition(node.fn, this.partitionArguments(node, partition), limit);
      case 'zip':
        return this.#zip(node, partition);
      case 'glom':
        return [[[...rowsOf(this.compute(node.input, partition))]]];
      case 'foldPartition':
        return this.#foldPartition(node, partition);
      case 'builtIn': {
        const { nodeId, operation, numPartitions } = node;
        const rowsBefore = (): number => this.#environment.stage.rowsBefore(nodeId, partition);
        return operateOn(operation, this.compute(node.input, partition), { partition, numPartitions, rowsBefore });
      }
      case 'stacked':
        return this.#stacked(node.inputs, partition);
      case 'union':
        return this.compute(...unionInput(node, partition), limit);
      case 'gather':
        return this.#concatenated(node.input, defined(node.groups[partition], `group ${partition}`));
      case 'cartesian':
        return this.#cartesian(node, partition);
      case 'shuffleRead':
        return this.#counted(this.#shuffleRows(node.shuffleId, partition));
      case 'combine':
        return this.#combine(node, partition);
      case 'sort':
        return this.#sort(node, partition);
      case 'cogroup':
        return this.#cogroup(node, partition);
      case 'join':
        return this.#join(node, partition);
      case 'cached':
        return this.#cachedRows(node, partition);
    }
  }

  /** What `node` gives as it lies in memory, where it does: encoded batches. Undefined where its rows are made. */
  encodedBatches(node: TaskNode, partition: number): Iterable<Uint8Array> | undefined {
    if (this.#ready.get(node)?.has(partition) === true) return undefined;
    switch (node.kind) {
      case 'blocks':
        return this.#countedBatches(blockBatches(this.#block(node.nodeId, partition)), true);
      case 'cached':
        return this.#cachedBatches(node, partition);
      case 'shuffleRead':
        return this.#countedBatches(this.#shuffleBatches(node.shuffleId, partition), false);
      case 'union': {
        const [input, index] = unionInput(node, partition);
        return this.encodedBatches(input, index);
      }
      case 'gather': {
        const groups = defined(node.groups[partition], `group ${partition}`);
        const parts = groups.map((part) => this.encodedBatches(node.input, part));
        return parts.every((part) => part !== undefined) ? concatenated(parts) : undefined;
      }
      default:
        return undefined;
    }
  }

  *#countedBatches(batches: Iterable<Uint8Array>, fromSource: boolean): Iterable<Uint8Array> {
    for (const bytes of batches) {
      const rows = batchRows(bytes);
      this.rowsRead += rows;
      if (fromSource) this.sourceRows += rows;
      yield bytes;
    }
  }

  /** Feeds everything that `node` gives to `loop`, as columns where that saves making rows. */
  feed(loop: StageLoop, node: TaskNode, partition: number, asPairs: boolean, afterBatch: AfterBatch): void {
    if (asPairs && node.kind === 'shuffleRead') {
      for (const { keys, values } of this.#pairs(node, partition)) {
        loop.runPairs(keys, values);
        afterBatch(values);
      }
      return;
    }
    for (const batch of this.compute(node, partition)) {
      loop.run(batch, [], Number.POSITIVE_INFINITY);
      afterBatch(batch);
    }
  }

  #block(nodeId: number, partition: number): Block {
    return defined(this.#environment.block(nodeId, partition), `block ${partition} of RDD ${nodeId}`);
  }

  *#fromSource(batches: Batches): Batches {
    for (const batch of this.#counted(batches)) {
      this.sourceRows += batch.length;
      yield batch;
    }
  }

  *#counted(batches: Batches): Batches {
    for (const batch of batches) {
      this.rowsRead += batch.length;
      yield batch;
    }
  }

  *#pipeline(node: NodeOf<'pipeline'>, partition: number, limit: number): Batches {
    const loop = stageLoop(this.#environment.stage, node.steps, { kind: 'rows' });
    const piece = new PieceSize();
    let left = limit;
    for (const batch of this.compute(node.input, partition))
      for (let first = 0; first < batch.length; ) {
        const end = Math.min(batch.length, first + piece.rows);
        const out: unknown[] = [];
        const rows = first === 0 && end === batch.length ? batch : batch.slice(first, end);
        const isFull = loop.run(rows, out, Math.min(left, MOST_ROWS_HELD));
        if (isFull && left > MOST_ROWS_HELD) throw tooManyRows(end - first);
        piece.note(end - first, out.length);
        first = end;
        left -= out.length;
        if (out.length > 0) yield out;
        if (isFull) return;
      }
  }

  /** What a function over whole partitions is called with. */
  partitionArguments(node: NodeOf<'mapPartitions'> | NodeOf<'zip'>, partition: number): readonly unknown[] {
    if (node.kind === 'zip') return [...node.inputs.map((input) => this.rowsFor(input, partition)), partition];
    const rows = this.rowsFor(node.input, partition);
    return node.indexFirst ? [partition, rows] : [rows, partition];
  }

  /**
   * The rows of a partition for a function that may catch what they throw: that must not pass for their end, unless it is the error of
   * a function below, which is the user's to handle.
   */
  *rowsFor(node: TaskNode, partition: number): IterableIterator<unknown> {
    try {
      yield* rowsOf(this.compute(node, partition));
    } catch (error) {
      if (!(error instanceof UserFunctionError)) this.cutShort ??= { error };
      throw error;
    }
  }

  #zip(node: NodeOf<'zip'>, partition: number): Batches {
    if (node.fn !== undefined) return this.#callOverPartition(node.fn, this.partitionArguments(node, partition));
    const [left, right] = node.inputs.map((input) => rowsOf(this.compute(input, partition)));
    return batchesOf(zipRows(defined(left, 'left side'), defined(right, 'right side'), partition));
  }

  *#foldPartition({ input, zero, merge }: NodeOf<'foldPartition'>, partition: number): Batches {
    const [makeZero, mergeRow] = [zero, merge].map((fn) => this.#environment.stage.functions[fn]) as UserFunctions;
    yield [foldRows(rowsOf(this.compute(input, partition)), deepCopy(makeZero()), mergeRow, merge)];
  }

  *#stacked(inputs: readonly TaskNode[], partition: number): Batches {
    for (const input of inputs) yield* this.compute(input, partition);
  }

  *#callOverPartition(fn: FunctionIndex, args: readonly unknown[], limit = Number.POSITIVE_INFINITY): Batches {
    const userFunction = defined(this.#environment.stage.functions[fn], 'partition function') as (
      ...args: unknown[]
    ) => unknown;
    try {
      const result = userFunction(...args);
      checkIterable(result, fn);
      yield* batchesOf(result, limit);
    } catch (error) {
      throw blame(fn, error);
    }
  }

  *#concatenated(input: TaskNode, partitions: readonly number[]): Batches {
    for (const partition of partitions) yield* this.compute(input, partition);
  }

  /** Every pair of rows; the right side is computed once a task and kept as a block. */
  *#cartesian(node: NodeOf<'cartesian'>, partition: number): Batches {
    const writer = new BlockWriter({
      memoryBytes: this.#environment.executionBytes,
      newFile: () => this.#environment.files.scratch(),
    });
    for (const batch of this.compute(node.right, partition % node.rightPartitions)) writer.write(batch);
    const right = writer.finish();
    for (const lefts of this.compute(node.left, Math.floor(partition / node.rightPartitions)))
      for (const left of lefts) for (const rights of blockRows(right)) yield rights.map((row) => [left, row]);
  }

  *#shuffleBatches(shuffleId: number, partition: number): Iterable<Uint8Array> {
    for (const output of this.#environment.mapOutputs(shuffleId)) {
      try {
        yield* mapOutputBatches(output, partition);
      } catch (error) {
        throw error instanceof BlockLost ? new FetchFailed(shuffleId, output, error) : error;
      }
    }
  }

  *#shuffleRows(shuffleId: number, partition: number): Batches {
    for (const bytes of this.#shuffleBatches(shuffleId, partition)) yield decodeBatch(bytes);
  }

  *#combine(node: NodeOf<'combine'>, partition: number): Batches {
    const { aggregator } = node;
    const builderOf = (loop: StageLoop): AggregationBuilder =>
      new AggregationBuilder(loop, aggregator.kind === 'group');
    const loopOf = (of: 'values' | 'combiners'): StageLoop =>
      stageLoop(this.#environment.stage, [], { kind: 'combine', aggregator, of });
    const loop = loopOf(node.of);
    const builder = builderOf(loop);
    const groups = new ExternalGroups(
      this.#groupSettings(() => builderOf(loopOf('combiners'))),
      builder,
    );
    this.feed(loop, node.input, partition, true, (values) => {
      builder.note(values);
      groups.afterBatch();
    });
    yield* groups.finish();
  }

  #groupSettings(newBuilder: () => GroupBuilder): ExternalGroupsSettings {
    const { executionBytes, groupBytes } = this.#environment;
    return {
      memoryBytes: executionBytes,
      newFile: () => this.#environment.files.scratch(),
      newBuilder,
      onLargeGroups: (groups) => refuseLargeGroup(groups, groupBytes),
    };
  }

  *#sort(node: NodeOf<'sort'>, partition: number): Batches {
    const sign = node.descending ? -1 : 1;
    const compare = (a: unknown, b: unknown): number =>
      sign * compareValues((a as readonly unknown[])[0], (b as readonly unknown[])[0]);
    yield* this.sorted(this.compute(node.input, partition), compare);
  }

  /** Rows in order; more than the memory of the task goes through its files. */
  sorted(batches: Batches, compare: (a: unknown, b: unknown) => number): Batches {
    const { executionBytes, files } = this.#environment;
    return externalSort(batches, { memoryBytes: executionBytes, newFile: () => files.scratch(), compare });
  }

  *#cogroup(node: NodeOf<'cogroup'>, partition: number): Batches {
    const builder = new CogroupBuilder(node.inputs.length);
    const groups = new ExternalGroups(
      this.#groupSettings(() => new CogroupBuilder(node.inputs.length)),
      builder,
    );
    for (const [side, input] of node.inputs.entries())
      for (const batch of this.#pairs(input, partition)) {
        builder.add(batch, side);
        groups.afterBatch();
      }
    yield* groups.finish();
  }

  #join({ inputs: [left, right], join }: NodeOf<'join'>, partition: number): Batches {
    const { executionBytes, groupBytes, files } = this.#environment;
    return externalJoin(this.#pairs(left, partition), this.#pairs(right, partition), {
      join,
      memoryBytes: executionBytes,
      groupBytes,
      newFile: () => files.scratch(),
    });
  }

  /** The rows of an input as keys and values, read as columns where that saves making rows. */
  *#pairs(node: TaskNode, partition: number): Iterable<PairBatch> {
    if (node.kind === 'shuffleRead') {
      for (const bytes of this.#shuffleBatches(node.shuffleId, partition)) {
        const batch = decodePairBatch(bytes);
        this.rowsRead += batch.keys.length;
        yield batch;
      }
      return;
    }
    for (const rows of this.compute(node, partition)) {
      const pairs = rows.map(pairOf);
      yield { keys: pairs.map(([key]) => key), values: pairs.map(([, value]) => value) };
    }
  }

  *#cachedRows(node: NodeOf<'cached'>, partition: number): Batches {
    for (const bytes of this.#cachedBatches(node, partition)) yield decodeBatch(bytes);
  }

  /** From the cache, or computed in full, kept, and read back: so that the first reader sees the rows every other one will see. */
  *#cachedBatches(node: NodeOf<'cached'>, partition: number): Iterable<Uint8Array> {
    const { nodeId } = node;
    const mine = this.cached.find((entry) => entry.nodeId === nodeId && entry.partition === partition);
    const given = mine?.block ?? this.#environment.block(nodeId, partition);
    if (given !== undefined) {
      try {
        yield* this.#countedBatches(blockBatches(given), false);
      } catch (error) {
        if (error instanceof BlockLost && given.kind === 'disk')
          throw new CachedBlockLost({ nodeId, partition, path: given.path }, error);
        throw error;
      }
      return;
    }
    const { blockBytes, files } = this.#environment;
    const staysInMemory = node.level === 'MEMORY_ONLY';
    const writer = new BlockWriter({
      memoryBytes: node.level === 'DISK_ONLY' ? 0 : blockBytes,
      newFile: () => (staysInMemory ? files.scratch() : files.keep(`rdd-${nodeId}-${partition}`)),
    });
    for (const batch of this.compute(node.input, partition)) writer.write(batch);
    const block = writer.finish();
    if (block.kind === 'memory' || !staysInMemory) this.cached.push({ nodeId, partition, block });
    yield* blockBatches(block);
  }
}

/** The input of a union that a partition comes from, and which of its partitions that is. */
function unionInput({ inputs }: NodeOf<'union'>, partition: number): [node: TaskNode, partition: number] {
  let index = partition;
  for (const { node, numPartitions } of inputs) {
    if (index < numPartitions) return [node, index];
    index -= numPartitions;
  }
  throw new RangeError(`partition ${partition} of a union`);
}

function* concatenated<T>(parts: readonly Iterable<T>[]): Iterable<T> {
  for (const part of parts) yield* part;
}

/** How many rows go through a loop at once: few where each gives many, so that what comes out is no more than a batch or so. */
class PieceSize {
  rows = 64;

  note(rowsIn: number, rowsOut: number): void {
    const perRow = Math.max(1, rowsOut / rowsIn);
    this.rows = Math.max(1, Math.min(Math.floor(MOST_ROWS_OUT / perRow), 16 * this.rows));
  }
}

/** What a few rows may become at once: V8 ends the process where an array is to hold more. */
const MOST_ROWS_HELD = 100_000_000;

function tooManyRows(rows: number): MillraceError {
  return new MillraceError(
    'MR_MEMORY',
    `${rows} rows became more than ${MOST_ROWS_HELD} at once. Where a flatMap gives rows without end, take no more than are needed, or use mapPartitions.`,
  );
}

/** Rows that come out of a loop at once, unless a single row gives more. */
const MOST_ROWS_OUT = 16_384;

/** The error of a function over a partition, with the function's index; what came from below keeps its own. */
export function blame(fn: FunctionIndex, error: unknown): unknown {
  return error instanceof UserFunctionError ||
    error instanceof PromiseFound ||
    error instanceof FetchFailed ||
    error instanceof CachedBlockLost ||
    error instanceof BlockLost ||
    (error instanceof Error && 'code' in error && error.name === 'MillraceError')
    ? error
    : new UserFunctionError(fn, undefined, error);
}

const RANGE_BATCH = 4096;

function* rangeRows(node: NodeOf<'range'>, partition: number): Batches {
  const total = Math.max(0, Math.ceil((node.end - node.start) / node.step));
  const first = Math.floor((partition * total) / node.numPartitions);
  const end = Math.floor(((partition + 1) * total) / node.numPartitions);
  for (let from = first; from < end; from += RANGE_BATCH) {
    const rows: unknown[] = [];
    for (let i = from; i < Math.min(end, from + RANGE_BATCH); i++) rows.push(node.start + i * node.step);
    yield rows;
  }
}
