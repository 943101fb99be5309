import { randomUUID } from 'node:crypto';
import type { Table } from 'apache-arrow';
import { captureCallSite } from '../base/call-site.ts';
import { toArrowTable } from '../data/columnar/arrow-interop.ts';
import type { CsvOutputOptions } from '../data/io/csv/csv-encoder.ts';
import type { JsonLinesOutputOptions } from '../data/io/json/json-lines-encoder.ts';
import { type CommittedOutput, OutputCommitter } from '../data/io/output-committer.ts';
import type {
  CompressionOptions,
  OutputMode,
  OutputSpec,
  PartitionOptions,
  StagedPart,
} from '../data/io/output-spec.ts';
import { commonSchema } from '../data/io/parquet/common-schema.ts';
import type { ParquetWriteOptions } from '../data/io/parquet/write-options.ts';
import { toUri } from '../data/io/uri.ts';
import { Actions } from './actions.ts';
import { type ActionOptions, runPartitions } from './rdd-core.ts';

/** What every action that writes files takes. */
export interface SaveOptions extends ActionOptions {
  /** What to do with an output that exists: `error` (default), `overwrite`, `append` or `overwritePartitions`. */
  readonly mode?: OutputMode | undefined;
}

/**
 * What hands rows to other programs, as Arrow columns in memory or as files. Actions that write files: one a partition, `path/part-00000...`, then `_SUCCESS`. Nothing is visible before all of it is: readers see the
 * old output or the new one. Each gives the number of files, rows and bytes.
 */
export abstract class SaveActions<T> extends Actions<T> {
  /**
   * Writes `String(row)` a line.
   * @throws {MillraceError} MR_OUTPUT_EXISTS unless `mode` says what to do with an output that exists
   */
  saveAsTextFile(path: string, options: SaveOptions & CompressionOptions = {}): Promise<CommittedOutput> {
    const { mode = 'error', signal, pool, ...rest } = options;
    return this.#save('saveAsTextFile', { format: 'text', uri: toUri(path), mode, options: rest }, { signal, pool });
  }

  /** Writes objects (or tuples) as CSV with a header; `columns` fixes which and in what order. */
  saveAsCsv(
    path: string,
    options: SaveOptions & CsvOutputOptions & CompressionOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    const { mode = 'error', signal, pool, ...rest } = options;
    return this.#save('saveAsCsv', { format: 'csv', uri: toUri(path), mode, options: rest }, { signal, pool });
  }

  /** Writes one JSON value a line. */
  saveAsJsonLines(
    path: string,
    options: SaveOptions & JsonLinesOutputOptions & CompressionOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    const { mode = 'error', signal, pool, ...rest } = options;
    return this.#save(
      'saveAsJsonLines',
      { format: 'jsonLines', uri: toUri(path), mode, options: rest },
      { signal, pool },
    );
  }

  /**
   * Writes objects as Parquet, row group by row group, with statistics and page indexes. Without a `schema` it is inferred from the first
   * rows of each partition; where partitions differ (whole numbers in one, fractions in another) all are written once more, with the
   * schema that holds them all.
   */
  saveAsParquet(
    path: string,
    options: SaveOptions & ParquetWriteOptions & PartitionOptions = {},
  ): Promise<CommittedOutput> {
    const { mode = 'error', signal, pool, ...rest } = options;
    const output = { format: 'parquet', uri: toUri(path), mode, options: rest } as const;
    return this.#save('saveAsParquet', output, { signal, pool }, (parts) => {
      const schemas = parts.flatMap((part) => part.schemas ?? []);
      if (new Set(schemas.map((schema) => JSON.stringify(schema))).size <= 1) return undefined;
      return { ...output, options: { ...rest, schema: commonSchema(schemas) } };
    });
  }

  /** Writes objects as Arrow IPC files, which `sc.arrow` and any Arrow library read. */
  saveAsArrow(path: string, options: SaveOptions & PartitionOptions = {}): Promise<CommittedOutput> {
    const { mode = 'error', signal, pool, ...rest } = options;
    return this.#save('saveAsArrow', { format: 'arrow', uri: toUri(path), mode, options: rest }, { signal, pool });
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
    };
    const parts = await runPartitions(
      this,
      call,
      () => ({ kind: 'collect' }),
      (value) => (value.kind === 'rows' ? value.batches : []),
    );
    return toArrowTable(parts.flat());
  }

  /** @param correct after everything is written: another output to write instead, because the parts do not fit together */
  async #save(
    name: string,
    output: OutputSpec,
    { signal, pool }: ActionOptions,
    correct: (parts: readonly StagedPart[]) => OutputSpec | undefined = () => undefined,
  ): Promise<CommittedOutput> {
    const callSite = captureCallSite(this.#save);
    const committer = new OutputCommitter(output, randomUUID(), { fileSystems: this.runner.fileSystems });
    const staging = committer.begin();
    const parts: StagedPart[] = [];
    let corrected: OutputSpec | undefined;
    try {
      await this.runner.run({
        name,
        callSite,
        signal,
        pool,
        node: this.node,
        plan: () => ({ kind: 'save', staging }),
        onValue: (partition, value) => {
          if (value.kind === 'part') parts[partition] = value.part;
        },
      });
      corrected = correct(parts);
    } catch (error) {
      committer.abort();
      throw error;
    }
    if (corrected === undefined) return committer.commit(parts.sort((a, b) => a.partitionIndex - b.partitionIndex));
    committer.abort();
    return this.#save(name, corrected, { signal, pool });
  }
}
