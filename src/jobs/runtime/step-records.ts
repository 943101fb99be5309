import type { SkipReason } from '../definition/job-execution.ts';
import { noCounts } from '../definition/step-counts.ts';
import type { StepRecord } from '../repository/execution-records.ts';
import { uuidV7 } from '../repository/uuid-v7.ts';

/** A step that begins. */
export function newStep(
  executionId: string,
  name: string,
  position: number,
  partition: number | undefined,
  startTime: number,
): StepRecord {
  return {
    id: uuidV7(),
    executionId,
    name,
    position,
    partition,
    status: 'STARTED',
    exitCode: 'STARTED',
    startTime,
    endTime: undefined,
    counts: noCounts(),
    checkpoint: undefined,
    checkpointVersion: undefined,
    context: undefined,
    result: undefined,
    failure: undefined,
    reusedFrom: undefined,
    skipReason: undefined,
    inDoubt: undefined,
    guarantee: undefined,
  };
}

/** A step whose work an earlier execution did. */
export function reusedStep(earlier: StepRecord, executionId: string, position: number, now: number): StepRecord {
  return {
    ...copiedStep(earlier, executionId, position, now),
    exitCode: earlier.exitCode,
    reusedFrom: earlier.reusedFrom ?? earlier.id,
  };
}

/** A step as an earlier execution left it, with nothing done by this one. */
export function copiedStep(earlier: StepRecord, executionId: string, position: number, now: number): StepRecord {
  return {
    ...earlier,
    id: uuidV7(),
    executionId,
    position,
    startTime: now,
    endTime: now,
    counts: noCounts(),
  };
}

export function skippedStep(
  executionId: string,
  name: string,
  position: number,
  now: number,
  reason: SkipReason,
): StepRecord {
  return {
    ...newStep(executionId, name, position, undefined, now),
    status: 'SKIPPED',
    exitCode: 'SKIPPED',
    endTime: now,
    skipReason: reason,
  };
}
