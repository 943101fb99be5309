import { MillraceError } from '../../base/errors.ts';
import { failureInfo } from '../definition/failure-info.ts';
import type { ItemReader } from '../definition/item-reader.ts';
import type { ItemWriter } from '../definition/item-writer.ts';
import { notJson } from '../definition/json-text.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { checkRestartable, isReader, wrongSource } from '../definition/step-assembly.ts';
import { addCounts, noCounts } from '../definition/step-counts.ts';
import type { AnyContext, ChunkBody, ReadSource } from '../definition/step-definition.ts';
import { iterableReader } from '../items/iterable-reader.ts';
import { listReader } from '../items/list-reader.ts';
import type { PublishesTogether } from '../items/sink-seams.ts';
import type { EventRecord, StepRecord } from '../repository/execution-records.ts';
import { ChunkLoop } from './chunk-loop.ts';
import type { ExecutionState } from './execution-state.ts';
import { historyKey, isLeaseLost } from './job-run.ts';
import type { SkipTally, StepCheckpoint } from './open-chunk.ts';
import { newStep, reusedStep } from './step-records.ts';
import type { StepRun } from './step-run.ts';

/** Runs a chunk step, or its partitions, and leaves status and result in the step's record. */
export async function runChunkStep(
  step: StepRun,
  body: ChunkBody,
  c: AnyContext,
  context: ExecutionState,
): Promise<void> {
  const { record } = step;
  const isInstanceScope = body.skipScope === 'instance';
  const tally: SkipTally = { committed: isInstanceScope ? (step.instance?.skipCount ?? 0) : 0 };
  record.guarantee = guaranteeOf(body.writer, step);
  try {
    for (const listener of body.listeners) await step.interruption.guard(listener.beforeStep?.(c));
    if (body.partitions === undefined) {
      const reader = readerOf(await sourceOf(body, c), step);
      await new ChunkLoop(step, body, reader, record, c, context, undefined, tally).run();
      record.status = 'COMPLETED';
    } else await runPartitions(step, body, c, tally);
    if (record.status === 'COMPLETED') record.result = JSON.stringify(record.counts);
  } catch (error) {
    if (isLeaseLost(error)) throw error;
    step.fail(error);
  }
}

async function runPartitions(step: StepRun, body: ChunkBody, c: AnyContext, tally: SkipTally): Promise<void> {
  const { job, record } = step;
  const values = await partitionValues(step, body, c);
  const most = body.partitions?.concurrency ?? job.host.maxConcurrentSteps;
  const records: StepRecord[] = [];
  let next = 0;
  let trouble: { readonly error: unknown } | undefined;
  const causes = new Map<number, unknown>();
  const worker = async (): Promise<void> => {
    for (let index = next++; index < values.length && trouble === undefined; index = next++) {
      if (step.interruption.signal.aborted) return;
      try {
        await runPartition(step, body, index, values[index] ?? null, tally, records, causes);
      } catch (error) {
        trouble ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, values.length) }, worker));
  sumUp(record, records);
  if (trouble !== undefined) throw trouble.error;
  if (step.interruption.isHard) throw step.interruption.error;
  const failed = records
    .filter(({ status }) => status === 'FAILED')
    .sort((a, b) => (a.partition ?? 0) - (b.partition ?? 0))[0];
  if (failed !== undefined) {
    record.status = 'FAILED';
    record.failure = failed.failure;
    step.cause = causes.get(failed.partition ?? 0);
    return;
  }
  if (records.length < values.length || records.some(({ status }) => status !== 'COMPLETED')) {
    record.status = 'STOPPED';
    return;
  }
  const { publishPartitions } = body.writer as Partial<PublishesTogether>;
  if (publishPartitions !== undefined && values.length > 0) {
    const states = records
      .toSorted((a, b) => (a.partition ?? 0) - (b.partition ?? 0))
      .map(({ checkpoint }) =>
        checkpoint === undefined ? null : ((JSON.parse(checkpoint) as StepCheckpoint).sink ?? null),
      );
    step.probe('beforePublish');
    job.checkLease();
    await publishPartitions.call(body.writer, c as never, states);
    step.probe('afterPublish');
  }
  record.status = 'COMPLETED';
}

async function partitionValues(step: StepRun, body: ChunkBody, c: AnyContext): Promise<readonly JsonValue[]> {
  const { job, instance } = step;
  if (instance?.partitions !== undefined) return instance.partitions;
  const { split } = body.partitions ?? { split: 1 };
  let values: readonly JsonValue[];
  if (typeof split === 'function') values = await step.interruption.guard(split(c));
  else {
    const reader = readerOf(await sourceOf(body, c), step);
    if (reader.split === undefined) {
      throw new MillraceError(
        'MR_JOB_DEFINITION',
        `${step.what}: its reader cannot cut itself into partitions. Give partitions a function that makes the values, or use a reader with split.`,
      );
    }
    values = await step.interruption.guard(reader.split(split, c));
  }
  const wrong = Array.isArray(values) ? notJson(values) : 'it is no array';
  if (wrong !== undefined) {
    throw new MillraceError('MR_NOT_JSON', `${step.what}: its partitions are no array of JSON values: ${wrong}.`);
  }
  await job.fenced(() => job.host.store.savePartitions(job.launched, instance?.id ?? '', values));
  return values;
}

async function runPartition(
  step: StepRun,
  body: ChunkBody,
  index: number,
  value: JsonValue,
  tally: SkipTally,
  records: StepRecord[],
  causes: Map<number, unknown>,
): Promise<void> {
  const { job, definition } = step;
  const { launched, host } = job;
  const earlier = job.history.get(historyKey(definition.name, index))?.record;
  // An alwaysRun step that was COMPLETED does all its partitions again.
  const wasWhole = job.history.get(historyKey(definition.name, undefined))?.record.status === 'COMPLETED';
  if (earlier?.status === 'COMPLETED' && !wasWhole && definition.restart === 'fromCheckpoint') {
    const reused = { ...reusedStep(earlier, launched.executionId, step.record.position, job.now()), partition: index };
    await job.fenced(() => host.store.insertSteps(launched, launched.jobName, [reused], []));
    job.partitions.push(reused);
    records.push(reused);
    return;
  }
  const record = newStep(launched.executionId, definition.name, step.record.position, index, job.now());
  record.guarantee = step.record.guarantee;
  const context = step.openContext(record, index);
  const partition = { index, name: `partition${index}`, value };
  const c = step.context(record, context, partition);
  const event = {
    kind: 'stepStarted',
    at: record.startTime ?? 0,
    stepName: definition.name,
    partition: index,
  } as const;
  await host.store.startStep(launched, launched, record, Number.POSITIVE_INFINITY, { ...event, status: 'STARTED' });
  job.partitions.push(record);
  records.push(record);
  job.emit({ ...event, status: 'STARTED' });
  try {
    const reader = readerOf(await sourceOf(body, c), step);
    await new ChunkLoop(step, body, reader, record, c, context, index, tally).run();
    record.status = 'COMPLETED';
    record.result = JSON.stringify(record.counts);
  } catch (error) {
    if (isLeaseLost(error)) throw error;
    const { kind } = step.interruption;
    if (kind === 'stop' || kind === 'drained') record.status = 'STOPPED';
    else {
      const cause = kind === undefined ? error : step.interruption.error;
      record.status = 'FAILED';
      record.failure = failureInfo(cause);
      causes.set(index, cause);
    }
  }
  context.end();
  record.exitCode = record.status;
  record.endTime = job.now();
  const ended: EventRecord = {
    kind: 'stepEnded',
    at: record.endTime,
    stepName: definition.name,
    partition: index,
    status: record.status,
  };
  await job.fenced(() => host.store.updateStep(launched, record, { jobName: launched.jobName, event: ended }));
  job.emit({ ...ended, counts: { ...record.counts } });
}

function sumUp(record: StepRecord, parts: readonly StepRecord[]): void {
  record.counts = noCounts();
  for (const part of parts) addCounts(record.counts, part.counts);
  const doubts = parts.flatMap(({ inDoubt }) => inDoubt ?? []);
  if (doubts[0] !== undefined) record.inDoubt = { ...doubts[0] };
}

async function sourceOf(body: ChunkBody, c: AnyContext): Promise<ReadSource<unknown>> {
  return body.source.kind === 'value' ? body.source.value : body.source.open(c as never);
}

function readerOf(source: ReadSource<unknown>, step: StepRun): ItemReader<unknown> {
  const fail = (what: string): never => {
    throw new MillraceError('MR_JOB_DEFINITION', `${step.what}: ${what}.`);
  };
  if (typeof source === 'object' && source !== null && isReader(source)) {
    checkRestartable(source, step.definition.restart, fail);
    return source;
  }
  if (Array.isArray(source)) return listReader(source);
  // A function makes a new iterator each time, so here one that is read only once will do.
  const isIterable =
    typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source);
  if (!isIterable && typeof source !== 'string') fail(wrongSource(source) ?? 'read needs a reader or an iterable');
  return iterableReader(source as Iterable<unknown>);
}

function guaranteeOf(writer: ItemWriter<never>, step: StepRun): StepRecord['guarantee'] {
  const { guarantee } = writer;
  if (guarantee === 'exactlyOnce' || guarantee === 'idempotent' || guarantee === 'atLeastOnce') return guarantee;
  throw new MillraceError(
    'MR_JOB_DEFINITION',
    `${step.what}: its writer has no guarantee. Say exactlyOnce, idempotent or atLeastOnce.`,
  );
}
