import { Table, tableFromIPC } from 'apache-arrow';
import { captureCallSite } from '../base/call-site.ts';
import { toArrowTable } from '../data/columnar/arrow-interop.ts';
import type { ArrowWriteOptions } from '../data/io/arrow/arrow-file-writer.ts';
import type { CsvOutputOptions } from '../data/io/csv/csv-encoder.ts';
import { checkWriteOptionNames } from '../data/io/format-options.ts';
import type { JsonLinesOutputOptions } from '../data/io/json/json-lines-encoder.ts';
import type { CommittedOutput } from '../data/io/output-committer.ts';
import type {
  CompressionOptions,
  OutputMode,
  OutputSpec,
  PartitionOptions,
  StagedPart,
} from '../data/io/output-spec.ts';
import { commonSchema } from '../data/io/parquet/common-schema.ts';
import { type ParquetWriteOptions, resolveWriteOptions } from '../data/io/parquet/write-options.ts';
import { toUri } from '../data/io/uri.ts';
import { actionScope } from '../engine/backends/action-scope.ts';
import { saveOutput } from '../engine/backends/save-output.ts';
import { NumberActions } from './number-actions.ts';
import { type ActionOptions, runPartitions } from './rdd-core.ts';

/** What every action takes. */
const actionOptions: readonly (keyof ActionOptions)[] = ['signal', 'pool', 'group'];

/** What every action that writes files takes. */
export interface SaveOptions extends ActionOptions {
  /** What to do with an output that exists: `error` (default), `overwrite`, `append` or `overwritePartitions`. */
  readonly mode?: OutputMode | undefined;
}

/**
 * What hands rows to other programs, as Arrow columns in memory or as files. Actions that write files write one a partition,
 * `path/part-00000...`, then `_SUCCESS`. Nothing is visible before all of it is: readers see the old output or the new one. Each gives the number of files, rows and bytes.
 */
export abstract class SaveActions<T> extends NumberActions<T> {
  /**
   * Writes `String(row)` a line.
   * @throws {MillraceError} MR_OUTPUT_EXISTS unless `mode` says what to do with an output that exists
   *
   * @example
   * ```ts
   * await sc.parallelize(['a', 'b']).saveAsTextFile('out/letters', { mode: 'overwrite' });
   * ```
   */
  async saveAsTextFile(path: string, options: SaveOptions & CompressionOptions = {}): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsTextFile', 'text', options, actionOptions);
    const { mode = 'error', signal, pool, group, ...rest } = options;
    return this.#save(
      'saveAsTextFile',
      { format: 'text', uri: toUri(path), mode, options: rest },
      { signal, pool, group },
    );
  }

  /**
   * Writes objects (or tuples) as CSV with a header; `columns` fixes which and in what order.
   *
   * @example
   * ```ts
   * await sc.parallelize([{ id: 1, name: 'Ann' }]).saveAsCsv('out/people.csv', { mode: 'overwrite' });
   * ```
   */
  async saveAsCsv(
    path: string,
    options: SaveOptions & CsvOutputOptions & CompressionOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsCsv', 'csv', options, actionOptions);
    const { mode = 'error', signal, pool, group, ...rest } = options;
    return this.#save('saveAsCsv', { format: 'csv', uri: toUri(path), mode, options: rest }, { signal, pool, group });
  }

  /**
   * Writes one JSON value a line.
   *
   * @example
   * ```ts
   * await sc.parallelize([{ id: 1 }, { id: 2 }]).saveAsJsonLines('out/ids.jsonl', { mode: 'overwrite', compression: 'gzip' });
   * ```
   */
  async saveAsJsonLines(
    path: string,
    options: SaveOptions & JsonLinesOutputOptions & CompressionOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsJsonLines', 'jsonLines', options, actionOptions);
    const { mode = 'error', signal, pool, group, ...rest } = options;
    return this.#save(
      'saveAsJsonLines',
      { format: 'jsonLines', uri: toUri(path), mode, options: rest },
      { signal, pool, group },
    );
  }

  /**
   * Writes objects as Parquet, row group by row group, with statistics and page indexes. Without a `schema` it is inferred from the first
   * rows of each partition; where partitions differ (whole numbers in one, fractions in another) all are written once more, with the
   * schema that holds them all.
   *
   * @example
   * ```ts
   * await sc.parallelize([{ id: 1, name: 'Ann' }]).saveAsParquet('out/people.parquet', { mode: 'overwrite' });
   * ```
   */
  async saveAsParquet(
    path: string,
    options: SaveOptions & ParquetWriteOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsParquet', 'parquet', options, actionOptions);
    const { mode = 'error', signal, pool, group, ...rest } = options;
    resolveWriteOptions(rest);
    const output = { format: 'parquet', uri: toUri(path), mode, options: rest } as const;
    return this.#save('saveAsParquet', output, { signal, pool, group }, (parts) => {
      const schemas = parts.flatMap((part) => part.schemas ?? []);
      if (new Set(schemas.map((schema) => JSON.stringify(schema))).size <= 1) return undefined;
      return { ...output, options: { ...rest, schema: commonSchema(schemas) } };
    });
  }

  /**
   * Writes rows of any type as `sc.objectFile` reads them: whatever JavaScript value goes in comes out equal. Checksummed.
   *
   * @example
   * ```ts
   * await sc.parallelize([new Map([[1, new Date()]])]).saveAsObjectFile('out/objects', { mode: 'overwrite' });
   * console.log(await sc.objectFile<Map<number, Date>>('out/objects').count()); // 1
   * ```
   */
  async saveAsObjectFile(path: string, options: SaveOptions = {}): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsObjectFile', 'object', options, actionOptions);
    const { mode = 'error', signal, pool, group } = options;
    return this.#save(
      'saveAsObjectFile',
      { format: 'object', uri: toUri(path), mode, options: {} },
      { signal, pool, group },
    );
  }

  /**
   * Writes Arrow IPC files, or streams, which `sc.arrow` and any Arrow library read: columns as in {@link toArrow}. All batches
   * of a file have one schema, that of its first 16 MiB; rows that need another one go to a further file, `part-00000_00001.arrow`.
   *
   * @example
   * ```ts
   * await sc.parallelize([{ id: 1, name: 'Ann' }]).saveAsArrow('out/people.arrow', { mode: 'overwrite' });
   * ```
   */
  async saveAsArrow(
    path: string,
    options: SaveOptions & ArrowWriteOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    checkWriteOptionNames('saveAsArrow', 'arrow', options, actionOptions);
    const { mode = 'error', signal, pool, group, ...rest } = options;
    return this.#save(
      'saveAsArrow',
      { format: 'arrow', uri: toUri(path), mode, options: rest },
      { signal, pool, group },
    );
  }

  /**
   * All rows as one apache-arrow Table, in partition order, over the shared memory that the workers wrote: nothing is copied where
   * the batches agree on a column's type. They must fit in memory.
   *
   * Objects give a column a field, pairs and other arrays of one length `_1`, `_2` and so on, other rows one column `value`. Numbers
   * are Int32 or Float64, bigints Int64, Dates timestamps in milliseconds, strings that repeat dictionaries, arrays lists, objects
   * structs, objects with many different keys maps, mixed values dense unions. null, undefined and fields that a row lacks are null,
   * and so are invalid Dates. What Arrow has no type for (Map, Set, bigints beyond 64 bits) is Binary in millrace's own encoding,
   * marked by "millrace.layout" in its field's metadata; `sc.fromArrow` reads it back.
   *
   * Right behind `sc.parquet`, without a filter, the columns are those of the files, in the types that the files state, and no rows are
   * made: decimals, dates, times and timestamps of every unit as Arrow has them.
   *
   * @throws {MillraceError} MR_SCHEMA for functions, symbols and promises
   *
   * @example
   * ```ts
   * import { MillraceContext } from 'millrace';
   * const sc = await MillraceContext.create({ workers: 2 });
   * const table = await sc.range(1000).map((id) => ({ id, square: id * id })).toArrow();
   * console.log(table.numRows, table.schema.fields.map(String));
   * await sc.stop();
   * ```
   */
  async toArrow(options?: ActionOptions): Promise<Table> {
    const call = {
      name: 'toArrow',
      callSite: captureCallSite(this.toArrow),
      signal: options?.signal,
      pool: options?.pool,
      group: options?.group,
    };
    const parts = await runPartitions(
      this,
      call,
      () => ({ kind: 'columns' }),
      (value) => (value.kind === 'arrow' ? value.stream : value.kind === 'rows' ? value.batches : []),
    );
    const streams = parts.filter((part) => part instanceof Uint8Array);
    if (streams.length > 0) return new Table(streams.flatMap((stream) => tableFromIPC(stream).batches));
    return toArrowTable(parts.flatMap((part) => (part instanceof Uint8Array ? [] : part)));
  }

  #save(
    name: string,
    output: OutputSpec,
    { signal, pool, group }: ActionOptions,
    correct?: (parts: readonly StagedPart[]) => OutputSpec | undefined,
  ): Promise<CommittedOutput> {
    const callSite = captureCallSite(this.#save);
    actionScope()?.checkOutput(output);
    return saveOutput(this.runner, { name, callSite, signal, pool, group, node: this.node }, output, correct);
  }
}
