import type { Table } from 'apache-arrow';
import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import { encodeTable } from '../data/columnar/arrow-encode.ts';
import { type CsvOptions, checkCsvOptions } from '../data/io/csv/csv-options.ts';
import { checkReadOptionNames } from '../data/io/format-options.ts';
import { checkParquetReadOptions, type ParquetReadOptions } from '../data/io/parquet/parquet-options.ts';
import { checkPartitionOptions, type PartitionReadOptions } from '../data/io/partition-pruning.ts';
import {
  checkJsonLinesOptions,
  checkTextOptions,
  type JsonLinesOptions,
  type SourceSpec,
  type TextOptions,
} from '../data/io/source-spec.ts';
import type { Backend } from '../engine/backends/backend.ts';
import type { RddNode } from '../plan/lineage/node.ts';
import { RDD } from './rdd.ts';

/** A path, a glob, a `file:` URI, or several. */
export type Paths = string | readonly string[];

/** Where RDDs come from: values, numbers and files. Nothing is read before an action. */
export abstract class ContextSources {
  /** @internal The engine. */
  abstract get backend(): Backend;

  /**
   * Partitions of `parallelize` and `range` when none are given: the context's option, or one a worker.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).getNumPartitions() === sc.defaultParallelism); // true
   * ```
   */
  abstract get defaultParallelism(): number;

  /**
   * Partitions at least of files that are read without saying how many: 2, or 1 where `defaultParallelism` is 1.
   *
   * @example
   * ```ts
   * console.log(sc.defaultMinPartitions <= 2); // true
   * ```
   */
  get defaultMinPartitions(): number {
    return Math.min(2, this.defaultParallelism);
  }

  /**
   * Rows from an array (or anything iterable), cut into `partitions` runs of near-equal length. The rows are copied when an
   * action first needs them: objects that change before are seen changed.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'b', 'c'], 2).glom().collect()); // [['a'], ['b', 'c']]
   * ```
   */
  parallelize<T>(data: Iterable<T>, partitions?: number): RDD<T> {
    const isIterable =
      typeof data === 'string' || (typeof data === 'object' && data !== null && Symbol.iterator in data);
    if (!isIterable)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `parallelize: needs an array or another iterable, got ${data === null ? 'null' : typeof data}.`,
      );
    return this.#rdd('parallelize', {
      kind: 'parallelized',
      rows: Object.freeze([...data]),
      numPartitions: this.#partitions('parallelize', partitions),
    });
  }

  /**
   * The numbers from 0 to `end`, or from `start` to `end`, by `step`; `end` is not among them. Costs no memory.
   *
   * @example
   * ```ts
   * console.log(await sc.range(10, 0, -3).collect()); // [10, 7, 4, 1]
   * ```
   */
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

  /**
   * No rows and no partitions.
   *
   * @example
   * ```ts
   * console.log(await sc.emptyRDD<string>().collect()); // []
   * ```
   */
  emptyRDD<T = never>(): RDD<T> {
    return this.#rdd('emptyRDD', { kind: 'parallelized', rows: [], numPartitions: 0 });
  }

  /**
   * The rows of all the RDDs, one after the other; see `rdd.union`.
   *
   * @example
   * ```ts
   * console.log(await sc.union([sc.range(2), sc.range(1), sc.emptyRDD<number>()]).collect()); // [0, 1, 0]
   * ```
   */
  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    if (!Array.isArray(rdds))
      throw new MillraceError(
        'MR_OPTION_INVALID',
        'union: needs an array of RDDs. Two are united by rdd.union(other).',
      );
    const [first, ...others] = rdds;
    return first === undefined ? this.emptyRDD<T>() : first.union(...others);
  }

  /**
   * The lines of text files: a path, a directory, a glob, or several, in an array or with commas between them. Large files are read in splits; `.gz` and `.zst` files as one.
   * Lines end in \n or \r\n. The text must be UTF-8 unless the options say otherwise.
   *
   * @param minPartitions default 2, or 1 with one worker
   * @throws {MillraceError} MR_NOT_FOUND or MR_PARSE at the action, naming file and byte
   *
   * @example
   * ```ts
   * const errors = sc.textFile('logs/*.log').filter((line) => line.includes('ERROR'));
   * ```
   */
  textFile(paths: Paths, minPartitions?: number, options: TextOptions = {}): RDD<string> {
    checkReadOptionNames('textFile', 'text', options);
    checkTextOptions('textFile', options);
    return this.#source('textFile', { format: 'text', paths: asPaths('textFile', paths), options }, minPartitions);
  }

  /**
   * Each file as one pair `[path, content]`.
   *
   * @example
   * ```ts
   * const sizes = sc.wholeTextFiles('notes/*.md').mapValues((text) => text.length);
   * ```
   */
  wholeTextFiles(paths: Paths, minPartitions?: number, options: TextOptions = {}): RDD<[string, string]> {
    checkReadOptionNames('wholeTextFiles', 'wholeText', options);
    checkTextOptions('wholeTextFiles', options);
    return this.#source(
      'wholeTextFiles',
      { format: 'wholeText', paths: asPaths('wholeTextFiles', paths), options },
      minPartitions,
    );
  }

  /**
   * Each file as one pair `[path, bytes]`, decompressed if its suffix says so.
   *
   * @example
   * ```ts
   * const sizes = sc.binaryFiles('images/*.png').mapValues((bytes) => bytes.length);
   * ```
   */
  binaryFiles(paths: Paths, minPartitions?: number): RDD<[string, Uint8Array]> {
    return this.#source(
      'binaryFiles',
      { format: 'binaryFiles', paths: asPaths('binaryFiles', paths), options: {} },
      minPartitions,
    );
  }

  /**
   * The records of files in which all have the same length, each as its bytes.
   * @throws {MillraceError} MR_PARSE at the action when the size of a file is no multiple of the length
   *
   * @example
   * ```ts
   * const numbers = sc.binaryRecords('numbers.bin', 8).map((bytes) => new DataView(bytes.buffer).getFloat64(0, true));
   * ```
   */
  binaryRecords(paths: Paths, recordLength: number, minPartitions?: number): RDD<Uint8Array> {
    const options = { recordLength };
    return this.#source(
      'binaryRecords',
      { format: 'binaryRecords', paths: asPaths('binaryRecords', paths), options },
      minPartitions,
    );
  }

  /**
   * The rows that `saveAsObjectFile` wrote: of any type, as they were, one partition a file.
   *
   * @example
   * ```ts
   * await sc.parallelize([{ when: new Date() }]).saveAsObjectFile('out/objects', { mode: 'overwrite' });
   * console.log(await sc.objectFile<{ when: Date }>('out/objects').map(({ when }) => when.getTime()).collect());
   * ```
   */
  objectFile<T = unknown>(paths: Paths): RDD<T> {
    return this.#source(
      'objectFile',
      { format: 'object', paths: asPaths('objectFile', paths), options: {} },
      undefined,
    );
  }

  /**
   * The records of CSV files as objects, named by the first record of each file; with `header: false` `_c0`, `_c1` and so on, or give the
   * names. Types are inferred from the first 20000 records unless `schema` gives them: boolean, number, bigint where an integer is
   * beyond 2^53, else string (`inferDates` for dates). Quoting as in RFC 4180. Directories like `year=2026` above the files are
   * columns too; `keepPartition: ({ year }) => year === 2026` leaves files out by them, as for the formats below.
   * `mode` says what happens to a record that does not fit: `fail` (default), `dropMalformed`, `permissive`.
   *
   * @throws {MillraceError} MR_OPTION_INVALID at the call; MR_NOT_FOUND, MR_PARSE naming file and line, or MR_SCHEMA at the action
   *
   * @example
   * ```ts
   * const amounts = sc.csv<{ product: string; amount: number }>('sales.csv').map(({ amount }) => amount);
   * ```
   */
  csv<T = Record<string, unknown>>(
    paths: Paths,
    options: CsvOptions & PartitionReadOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    checkReadOptionNames('csv', 'csv', options);
    const { minPartitions, keepPartition, partitionTypes, header = true, ...csv } = options;
    checkCsvOptions({ ...csv, header });
    const source: SourceSpec = { format: 'csv', paths: asPaths('csv', paths), options: { ...csv, header } };
    return this.#source('csv', source, minPartitions, { keepPartition, partitionTypes });
  }

  /**
   * The values of files with one JSON value a line. Integers beyond 2**53 arrive as bigint. `mode` as for {@link csv}.
   *
   * @example
   * ```ts
   * const users = sc.jsonLines<{ user: string }>('events.jsonl').map(({ user }) => user);
   * ```
   */
  jsonLines<T = Record<string, unknown>>(
    paths: Paths,
    options: JsonLinesOptions & PartitionReadOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    checkReadOptionNames('jsonLines', 'jsonLines', options);
    const { minPartitions, keepPartition, partitionTypes, ...json } = options;
    checkJsonLinesOptions(json);
    const source: SourceSpec = { format: 'jsonLines', paths: asPaths('jsonLines', paths), options: json };
    return this.#source('jsonLines', source, minPartitions, { keepPartition, partitionTypes });
  }

  /**
   * The rows of Parquet files as objects. Only the `columns` asked for are read. 64-bit integers arrive as numbers where the file's
   * statistics prove that none is rounded, else as bigints; decimals exactly.
   *
   * What follows is read from the text of its functions, where that can make no difference but of speed. Filters right behind it leave
   * out row groups and pages whose every row they drop, by statistics, bloom filters and page indexes: comparisons (`<`, `>=`, `===`,
   * `!= null`, `!row.x`, `['a', 'b'].includes(row.x)`) of `row.x`, or `row.x?.y`, with constants or captured primitives and Dates, joined
   * by `&&` and `||`, from the left up to the first part that might throw or do something else. A function that uses its row by fixed
   * properties only, such as `({ day, n }) => ...`, says which columns are needed, up to the step that makes other rows of them.
   * `explain()` shows what is read.
   *
   * @example
   * ```ts
   * const sales = sc.parquet<{ day: string; price: number }>('sales.parquet');
   * const prices = sales.filter(({ day }) => day >= '2026-01-01').map(({ price }) => price);
   * ```
   */
  parquet<T = Record<string, unknown>>(
    paths: Paths,
    options: ParquetReadOptions & PartitionReadOptions & { readonly minPartitions?: number } = {},
  ): RDD<T> {
    checkReadOptionNames('parquet', 'parquet', options);
    const { minPartitions, keepPartition, partitionTypes, ...parquet } = options;
    checkParquetReadOptions(parquet);
    const source: SourceSpec = { format: 'parquet', paths: asPaths('parquet', paths), options: parquet };
    return this.#source('parquet', source, minPartitions, { keepPartition, partitionTypes });
  }

  /**
   * The rows of Arrow IPC files or streams as objects.
   *
   * @example
   * ```ts
   * const ids = sc.arrow<{ id: number }>('people.arrow').map(({ id }) => id);
   * ```
   */
  arrow<T = Record<string, unknown>>(paths: Paths, minPartitions?: number, options: PartitionReadOptions = {}): RDD<T> {
    checkReadOptionNames('arrow', 'arrow', options);
    return this.#source(
      'arrow',
      { format: 'arrow', paths: asPaths('arrow', paths), options: {} },
      minPartitions,
      options,
    );
  }

  /**
   * The rows of an apache-arrow Table: objects with a field a column; what `rdd.toArrow()` made comes back as the rows it was made of.
   * Columns of numbers, booleans, strings and timestamps are copied once, as bytes, when an action first needs their partition.
   * 64-bit integers are bigints, decimals strings, dates and timestamps Dates, lists arrays, structs objects, maps Maps.
   *
   * @example
   * ```ts
   * const table = await sc.range(1000).map((id) => ({ id, square: id * id })).toArrow();
   * console.log(await sc.fromArrow<{ id: number }>(table).map(({ id }) => id).sum()); // 499500
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

  #source<T>(
    operator: string,
    source: SourceSpec,
    minPartitions: number | undefined,
    partitions: PartitionReadOptions = {},
  ): RDD<T> {
    const least = minPartitions ?? this.defaultMinPartitions;
    this.#partitions(operator, least);
    checkPartitionOptions(operator, partitions);
    return this.#rdd(operator, { kind: 'source', source: Object.freeze(source), minPartitions: least, partitions });
  }

  #rdd<T>(operator: string, node: NewLeaf): RDD<T> {
    const callSite = captureCallSite(this.#rdd);
    return new RDD<T>(Object.freeze({ ...node, id: this.backend.nextId(), operator, callSite }), this.backend);
  }

  #partitions(operator: string, partitions: number | undefined): number {
    const count = partitions ?? this.defaultParallelism;
    if (Number.isInteger(count) && count >= 1) return count;
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: partitions must be an integer of at least 1, got ${String(partitions)}. Leave it out to use the default.`,
    );
  }
}

type NewLeaf =
  Extract<RddNode, { kind: 'parallelized' | 'range' | 'source' }> extends infer N
    ? N extends unknown
      ? Omit<N, 'id' | 'operator' | 'callSite'>
      : never
    : never;

/** By its methods: a program may have an apache-arrow of its own. */
function isArrowTable(value: unknown): value is Table {
  const table = value as Partial<Table> | null;
  return typeof table === 'object' && typeof table?.slice === 'function' && table.schema !== undefined;
}

function asPaths(operator: string, paths: Paths): readonly string[] {
  const all = typeof paths === 'string' ? [paths] : Array.isArray(paths) ? [...paths] : [];
  if (all.length === 0 || all.some((path) => typeof path !== 'string' || path === ''))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: needs a path, or an array of them, got ${paths === undefined ? 'nothing' : JSON.stringify(paths)}.`,
    );
  return Object.freeze(all);
}
