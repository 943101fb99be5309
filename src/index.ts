export { Accumulator } from './api/accumulator.ts';
export { Broadcast } from './api/broadcast.ts';
export { MillraceContext, type Paths } from './api/context.ts';
export type { ContextOptions, LogLevel } from './api/context-options.ts';
export type { Partitions } from './api/pair-operations.ts';
export { RDD } from './api/rdd.ts';
export type { ActionOptions, FunctionOptions } from './api/rdd-core.ts';
export type { SaveOptions } from './api/save-actions.ts';
export type { CallSite } from './base/call-site.ts';
export type { ErrorCode } from './base/errors.ts';
export { MillraceError } from './base/errors.ts';
export type { CsvOptions } from './data/io/csv/csv-options.ts';
export type { CommittedOutput } from './data/io/output-committer.ts';
export type { ParquetReadOptions } from './data/io/parquet/parquet-options.ts';
export type { ParquetWriteOptions } from './data/io/parquet/write-options.ts';
export type { JsonLinesOptions, TextOptions } from './data/io/source-spec.ts';
export type { EngineEvent } from './engine/protocol/events.ts';
export {
  CustomPartitioner,
  HashPartitioner,
  type Partitioner,
  RangePartitioner,
  RoundRobinPartitioner,
} from './plan/lineage/partitioner.ts';
export { StorageLevel } from './plan/lineage/storage-level.ts';
