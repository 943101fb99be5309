import type { Attempt } from '../definition/attempt.ts';
import type { StepExecution } from '../definition/job-execution.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { addCounts, noCounts } from '../definition/step-counts.ts';
import type { AttemptRecord, StepRecord } from './execution-records.ts';

/** Frozen through and through: a snapshot handed out is nobody's to change. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

/** A step of a job execution, with those of its partitions. */
export function stepSnapshot(
  record: StepRecord,
  attempts: readonly AttemptRecord[] = [],
  partitions: readonly StepRecord[] = [],
): StepExecution {
  const { failure, reusedFrom, skipReason, inDoubt, guarantee } = record;
  const counts = { ...record.counts };
  if (partitions.length > 0 && record.partition === undefined) {
    Object.assign(counts, noCounts());
    for (const partition of partitions) addCounts(counts, partition.counts);
  }
  return {
    id: record.id,
    name: record.partition === undefined ? record.name : `partition${record.partition}`,
    status: record.status,
    exitCode: record.exitCode,
    counts,
    ...(record.startTime === undefined ? {} : { startTime: new Date(record.startTime) }),
    ...(record.endTime === undefined ? {} : { endTime: new Date(record.endTime) }),
    ...(failure === undefined ? {} : { failure: structuredClone(failure) }),
    ...(record.result === undefined ? {} : { result: JSON.parse(record.result) as JsonValue }),
    ...(guarantee === undefined ? {} : { guarantee }),
    ...(reusedFrom === undefined ? {} : { reusedFrom }),
    ...(skipReason === undefined ? {} : { skipReason: { ...skipReason } }),
    ...(inDoubt === undefined ? {} : { inDoubt: { ...inDoubt } }),
    attempts: attempts.map(attemptSnapshot),
    partitions: partitions.map((partition) => stepSnapshot(partition)),
  };
}

function attemptSnapshot(record: AttemptRecord): Attempt {
  return {
    attempt: record.attempt,
    status: record.status,
    ...(record.error === undefined ? {} : { error: structuredClone(record.error) }),
    startedAt: new Date(record.startedAt),
    durationMs: record.durationMs,
    waitMs: record.waitMs,
  };
}
