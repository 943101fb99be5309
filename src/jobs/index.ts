export { type ErrorCode, MillraceError } from '../base/errors.ts';
export type { Attempt } from './definition/attempt.ts';
export { BatchError, RetryableError, SkippableError } from './definition/batch-error.ts';
export type { BatchStatus } from './definition/batch-status.ts';
export type { Clock } from './definition/clock.ts';
export type { DataSource, SqlSession } from './definition/data-source.ts';
export type { FailureInfo } from './definition/failure-info.ts';
export { FILTER } from './definition/filter.ts';
export type { Guarantee } from './definition/guarantee.ts';
export type { ItemReader, ItemStream } from './definition/item-reader.ts';
export type { ChunkWrite, ItemSink, ItemWriter } from './definition/item-writer.ts';
export type {
  AnyJob,
  ChunkStepBuilder,
  Job,
  JobOptions,
  LaunchArguments,
  LaunchOptions,
  PartitionedStepBuilder,
  Step,
  StepBuilder,
  StepOptions,
  TaskStep,
} from './definition/job.ts';
export { job } from './definition/job-definition.ts';
export type { JobEvent } from './definition/job-event.ts';
export type { JobExecution, JobInstance, SkippedItem, SkipReason, StepExecution } from './definition/job-execution.ts';
export type { JobParameters, ParameterValue, StoredParameter } from './definition/job-parameters.ts';
export type { JobRepository } from './definition/job-repository.ts';
export type { JsonValue } from './definition/json-value.ts';
export type { Logger } from './definition/logger.ts';
export type { Probe, ProbePoint } from './definition/probe.ts';
export type { ErrorMatch, RetryOptions } from './definition/retry-options.ts';
export type { SchemaInput, SchemaOutput, StandardSchemaV1 } from './definition/standard-schema.ts';
export type { ExecutionContext, Partition, StepContext } from './definition/step-context.ts';
export type { StepCounts } from './definition/step-counts.ts';
export type { ReadSource, StepListener } from './definition/step-definition.ts';
export { binaryReader } from './items/binary-reader.ts';
export { binaryWriter } from './items/binary-writer.ts';
export { CheckpointStore } from './items/checkpoint-store.ts';
export { csvReader } from './items/csv-reader.ts';
export { csvWriter } from './items/csv-writer.ts';
export { fixedLengthReader } from './items/fixed-length-reader.ts';
export { httpReader } from './items/http-reader.ts';
export { httpWriter } from './items/http-writer.ts';
export { jsonLinesReader } from './items/json-lines-reader.ts';
export { jsonReader } from './items/json-reader.ts';
export { linesReader } from './items/lines-reader.ts';
export { listReader } from './items/list-reader.ts';
export { listWriter } from './items/list-writer.ts';
export { rddReader } from './items/rdd-reader.ts';
export { sqlReader } from './items/sql-reader.ts';
export { tableWriter } from './items/table-writer.ts';
export { fixedLengthWriter, jsonLinesWriter, jsonWriter, textWriter } from './items/text-writers.ts';
export { transactionalWriter } from './items/transactional-writer.ts';
export { xmlReader } from './items/xml-reader.ts';
export { xmlWriter } from './items/xml-writer.ts';
export { CircuitBreaker } from './policies/circuit-breaker.ts';
export { retry } from './policies/retry.ts';
export { retryDelayMs } from './policies/retry-delay.ts';
export { dataSource } from './repository/sql/data-source.ts';
export { type JobHandle, JobOperator } from './runtime/operator.ts';
export type { JobOperatorOptions } from './runtime/operator-options.ts';
