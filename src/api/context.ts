import type { Table } from 'apache-arrow';
import { captureCallSite } from '../base/call-site.ts';
import { shipAs } from '../base/closures/shippable.ts';
import { MillraceError } from '../base/errors.ts';
import { encodeTable } from '../data/columnar/arrow-encode.ts';
import type { CsvOptions } from '../data/io/csv/csv-options.ts';
import type { ParquetReadOptions } from '../data/io/parquet/parquet-options.ts';
import type { JsonLinesOptions, SourceSpec, TextOptions } from '../data/io/source-spec.ts';
import { LocalBackend } from '../engine/backends/local-backend.ts';
import type { EngineEvent } from '../engine/protocol/events.ts';
import type { RddNode } from '../plan/lineage/node.ts';
import { Accumulator } from './accumulator.ts';
import { Broadcast } from './broadcast.ts';
import { type ContextOptions, type ResolvedOptions, resolveOptions } from './context-options.ts';
import { ProgressLine } from './progress.ts';
import { RDD } from './rdd.ts';

/** A path, a glob, a `file:` URI, or several. */
export type Paths = string | readonly string[];

/**
 * The way into millrace: makes RDDs from files and values, and holds the worker threads that run them.
 *
 * `stop()` ends every thread and removes every temporary file; `await using` does it at the end of a block. A program that forgets it
 * still exits.
 *
 * @example
 * ```ts
 * import { MillraceContext } from 'millrace';
 * const sc = await MillraceContext.create({ appName: 'even', workers: 2 });
 * console.log(await sc.range(100).filter((n) => n % 2 === 0).count());
 * await sc.stop();
 * ```
 */
export class MillraceContext {
  readonly #options: ResolvedOptions;
  readonly #backend: LocalBackend;
  readonly #accumulators = new Map<number, WeakRef<Accumulator<unknown, unknown>>>();

  private constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#backend = new LocalBackend({
      ...options,
      stores: { s3: options.s3 },
      onListenerError: (error) => this.#log('error', `a listener threw: ${String(error)}`),
      accumulate: (id, value) => this.#accumulators.get(id)?.deref()?.absorb(value),
    });
    if (options.progress) {
      const progress = new ProgressLine((text) => process.stderr.write(text));
      this.#backend.events.on('*', (event) => progress.observe(event));
    }
    this.#backend.events.on('workerLost', ({ message }) => this.#log('warn', `a worker thread died: ${message}`));
  }

  /**
   * Starts a context with its worker threads.
   * @throws {MillraceError} MR_OPTION_INVALID naming the option that is wrong
   */
  static async create(options: ContextOptions = {}): Promise<MillraceContext> {
    return new MillraceContext(resolveOptions(options));
  }

  /** The name given at creation. */
  get appName(): string {
    return this.#options.appName;
  }

  /** Partitions of `parallelize` and `range` when none are given. */
  get defaultParallelism(): number {
    return this.#options.defaultParallelism;
  }

  /** The engine behind this context: for tests of recovery, which kill threads and drop blocks. */
  get backend(): LocalBackend {
    return this.#backend;
  }

  /** Rows from an array (or anything iterable), cut into `partitions` runs of near-equal length. */
  parallelize<T>(data: Iterable<T>, partitions?: number): RDD<T> {
    if (typeof data !== 'object' && typeof data !== 'string')
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `parallelize: needs an array or another iterable, got ${typeof data}.`,
      );
    return this.#rdd('parallelize', {
      kind: 'parallelized',
      rows: Object.freeze([...data]),
      numPartitions: this.#partitions('parallelize', partitions),
    });
  }

  /** The numbers from 0 to `end`, or from `start` to `end`, by `step`; `end` is not among them. Costs no memory. */
  range(end: number): RDD<number>;
  range(start: number, end: number, step?: number, partitions?: number): RDD<number>;
  range(first: number, second?: number, step = 1, partitions?: number): RDD<number> {
    const [start, end] = second === undefined ? [0, first] : [first, second];
    if (![start, end, step].every(Number.isFinite) || step === 0)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `range(${start}, ${end}, ${step}): start, end and step must be finite numbers and step not 0.`,
      );
    const numPartitions = this.#partitions('range', partitions);
    return this.#rdd('range', { kind: 'range', start, end, step, numPartitions });
  }

  /** No rows and no partitions. */
  emptyRDD<T = never>(): RDD<T> {
    return this.#rdd('emptyRDD', { kind: 'parallelized', rows: [], numPartitions: 0 });
  }

  /** The rows of all the RDDs, one after the other. */
  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return rdds.length === 0
      ? this.emptyRDD<T>()
      : this.#rdd('union', { kind: 'union', parents: rdds.map(({ node }) => node) });
  }

  /**
   * The lines of text files: a path, a directory, a glob, or several. Large files are read in splits; `.gz` and `.zst` files as one.
   * Lines end in \n or \r\n. The text must be UTF-8 unless the options say otherwise.
   *
   * @param minPartitions default 2, or 1 with one worker
   * @throws {MillraceError} MR_NOT_FOUND or MR_PARSE at the action, naming file and byte
   */
  textFile(paths: Paths, minPartitions?: number, options: TextOptions = {}): RDD<string> {
    return this.#source('textFile', { format: 'text', paths: asPaths(paths), options }, minPartitions);
  }

  /** Each file as one pair `[path, content]`. */
  wholeTextFiles(paths: Paths, minPartitions?: number, options: TextOptions = {}): RDD<[string, string]> {
    return this.#source('wholeTextFiles', { format: 'wholeText', paths: asPaths(paths), options }, minPartitions);
  }

  /**
   * The records of CSV files as objects, named by the first record of each file; with `header: false` `_c0`, `_c1` and so on, or give the
   * names. Types are inferred unless `schema` gives them; quoting as in RFC 4180.
   * `mode` says what happens to a record that does not fit: `fail` (default), `dropMalformed`, `permissive`.
   */
  csv<T = Record<string, unknown>>(
    paths: Paths,
    options: CsvOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    const { minPartitions, header = true, ...csv } = options;
    return this.#source('csv', { format: 'csv', paths: asPaths(paths), options: { ...csv, header } }, minPartitions);
  }

  /** The values of files with one JSON value a line. Integers beyond 2**53 arrive as bigint. `mode` as for {@link csv}. */
  jsonLines<T = Record<string, unknown>>(
    paths: Paths,
    options: JsonLinesOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    const { minPartitions, ...json } = options;
    return this.#source('jsonLines', { format: 'jsonLines', paths: asPaths(paths), options: json }, minPartitions);
  }

  /**
   * The rows of Parquet files as objects. Only the `columns` asked for are read. 64-bit integers arrive as numbers where the file's
   * statistics prove that none is rounded, else as bigints; decimals exactly.
   */
  parquet<T = Record<string, unknown>>(
    paths: Paths,
    options: ParquetReadOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    const { minPartitions, ...parquet } = options;
    return this.#source('parquet', { format: 'parquet', paths: asPaths(paths), options: parquet }, minPartitions);
  }

  /** The rows of Arrow IPC files or streams as objects. */
  arrow<T = Record<string, unknown>>(paths: Paths, minPartitions?: number): RDD<T> {
    return this.#source('arrow', { format: 'arrow', paths: asPaths(paths), options: {} }, minPartitions);
  }

  /**
   * The rows of an apache-arrow Table: objects with a field a column; what `rdd.toArrow()` made comes back as the rows it was made of.
   * Columns of numbers, booleans, strings and timestamps are copied once, as bytes, when an action first needs their partition.
   * 64-bit integers are bigints, decimals strings, dates and timestamps Dates, lists arrays, structs objects, maps Maps.
   *
   * @example
   * ```ts
   * import { tableFromArrays } from 'apache-arrow';
   * import { MillraceContext } from 'millrace';
   * const sc = await MillraceContext.create({ workers: 2 });
   * const table = tableFromArrays({ id: Int32Array.of(1, 2, 3) });
   * console.log(await sc.fromArrow<{ id: number }>(table).map(({ id }) => id).sum());
   * await sc.stop();
   * ```
   */
  fromArrow<T = Record<string, unknown>>(table: Table, partitions?: number): RDD<T> {
    if (!isArrowTable(table))
      throw new MillraceError(
        'MR_OPTION_INVALID',
        'fromArrow: needs a Table of apache-arrow. Make one of bytes with tableFromIPC, or read files with sc.arrow(path).',
      );
    const rows = Object.freeze({
      length: table.numRows,
      encode: (start: number, end: number) => encodeTable(table, start, end),
    });
    return this.#rdd('fromArrow', {
      kind: 'parallelized',
      rows,
      numPartitions: this.#partitions('fromArrow', partitions),
    });
  }

  /** Sends a value to every worker once; closures read `broadcast.value`. */
  broadcast<T>(value: T): Broadcast<T> {
    return new Broadcast(this.#backend.nextId(), value, (reference) => this.#backend.noteBroadcast(reference));
  }

  /**
   * A value that tasks add to. `merge` must be associative and commutative and `zero` neutral for it.
   * Without `merge`, numbers, bigints and texts are added with `+`.
   */
  accumulator<V extends number | bigint | string>(
    zero: V,
  ): Accumulator<V extends number ? number : V extends bigint ? bigint : string>;
  accumulator<R>(zero: R, merge: (a: R, b: R) => R): Accumulator<R>;
  accumulator(zero: unknown, merge: unknown = plus): unknown {
    const accumulator = new Accumulator(this.#backend.nextId(), zero, merge as (a: unknown, b: unknown) => unknown);
    this.#accumulators.set(accumulator.id, new WeakRef(accumulator));
    return accumulator;
  }

  /** Hears what the engine does: `sc.on('taskEnded', ...)`, or `'*'` for everything. @returns a function that ends it */
  on<K extends EngineEvent['kind'] | '*'>(
    kind: K,
    listener: (event: K extends '*' ? EngineEvent : Extract<EngineEvent, { readonly kind: K }>) => void,
  ): () => void {
    return this.#backend.events.on(kind, listener);
  }

  /** Fails running actions with MR_ABORTED, ends every thread and removes every temporary file. Calling it again does nothing. */
  stop(): Promise<void> {
    return this.#backend.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  static {
    shipAs(MillraceContext.prototype, () => ({
      kind: 'refuse',
      reason:
        'is the context, which lives in the program that made it. Use it outside of functions, and broadcasts and accumulators inside.',
    }));
  }

  #source<T>(operator: string, source: SourceSpec, minPartitions: number | undefined): RDD<T> {
    const least = minPartitions ?? Math.min(2, this.#options.defaultParallelism);
    this.#partitions(operator, least);
    return this.#rdd(operator, { kind: 'source', source: Object.freeze(source), minPartitions: least });
  }

  #rdd<T>(operator: string, node: NewLeaf): RDD<T> {
    const callSite = captureCallSite(this.#rdd);
    return new RDD<T>(Object.freeze({ ...node, id: this.#backend.nextId(), operator, callSite }), this.#backend);
  }

  #partitions(operator: string, partitions: number | undefined): number {
    const count = partitions ?? this.#options.defaultParallelism;
    if (Number.isInteger(count) && count >= 1) return count;
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: partitions must be an integer of at least 1, got ${String(partitions)}. Leave it out to use the default.`,
    );
  }

  #log(level: 'error' | 'warn', message: string): void {
    const { logLevel, appName } = this.#options;
    if (logLevel === 'off' || (level === 'warn' && logLevel === 'error')) return;
    process.stderr.write(`${appName}: ${level}: ${message}\n`);
  }
}

type NewLeaf =
  Extract<RddNode, { kind: 'parallelized' | 'range' | 'source' | 'union' }> extends infer N
    ? N extends unknown
      ? Omit<N, 'id' | 'operator' | 'callSite'>
      : never
    : never;

/** By its methods: a program may have an apache-arrow of its own. */
function isArrowTable(value: unknown): value is Table {
  const table = value as Partial<Table> | null;
  return typeof table === 'object' && typeof table?.slice === 'function' && table.schema !== undefined;
}

function asPaths(paths: Paths): readonly string[] {
  return Object.freeze(typeof paths === 'string' ? [paths] : [...paths]);
}

function plus(a: number, b: number): number {
  return a + b;
}
