export { Accumulator, NumberAccumulator } from './api/accumulator.ts';
export { Broadcast } from './api/broadcast.ts';
export { MillraceContext } from './api/context.ts';
export type { ContextOptions, LogLevel } from './api/context-options.ts';
export type { Paths } from './api/context-sources.ts';
export type { RowOrder } from './api/fold-actions.ts';
export type { Partitions } from './api/node-builder.ts';
export type { Histogram } from './api/number-actions.ts';
export type { Fractions } from './api/pair-partitioning.ts';
export type { RddDependency } from './api/persistence.ts';
export type { PipeOptions } from './api/pipe.ts';
export { RDD } from './api/rdd.ts';
export type { ActionOptions, FunctionOptions } from './api/rdd-core.ts';
export type { SaveOptions } from './api/save-actions.ts';
export { StatCounter } from './api/stat-counter.ts';
export type { JobInfo, StageInfo, StatusTracker } from './api/status-tracker.ts';
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
