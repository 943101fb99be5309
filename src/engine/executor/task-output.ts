import { defined } from '../../base/defined.ts';
import { Random } from '../../base/random.ts';
import { KeyTable } from '../../data/columnar/key.ts';
import { pairOf } from '../../data/columnar/pair.ts';
import { encodeBatch } from '../../data/columnar/row-codec.ts';
import type { StageLoop } from '../../plan/codegen/stage-loop.ts';
import type { PartitionerPlan, TaskOutput } from '../../plan/stages/task-plan.ts';
import type { TaskValue } from '../protocol/task.ts';
import { MapOutputWriter } from '../shuffle/map-output-writer.ts';
import { partitionFunction } from '../shuffle/partition-function.ts';
import { BATCH_ROWS, BlockWriter } from '../storage/block-writer.ts';
import { batchBytes, GroupGauge } from '../storage/memory-gauge.ts';
import type { TaskFiles } from '../storage/task-files.ts';
import { arrowOutput } from './arrow-output.ts';
import { type FusedSettings, fusedLoop } from './fused-loop.ts';
import { partitionValue } from './partition-value.ts';
import { rowsOf } from './rows.ts';
import type { TaskRun } from './task-run.ts';

type OutputOf<K extends TaskOutput['kind']> = Extract<TaskOutput, { readonly kind: K }>;

export interface OutputSettings extends FusedSettings {
  readonly attempt: number;
  /** Memory for rows that the task holds at once. */
  readonly executionBytes: number;
  /** Shared memory the task may leave behind; map output beyond it goes to disk. */
  readonly outputBytes: number;
  /** Where what the task leaves behind goes. */
  readonly files: TaskFiles;
}

export interface OutputResult {
  readonly value: TaskValue;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly spilledBytes: number;
}

/** Runs a task's plan into what its stage asks for. */
export async function writeOutput(run: TaskRun, settings: OutputSettings): Promise<OutputResult> {
  const { output, plan } = settings.stage;
  switch (output.kind) {
    case 'shuffle':
      return writeShuffle(run, settings, output);
    case 'sample':
      return sampleKeys(run, settings, output);
    case 'columns': {
      const arrow = await arrowOutput(settings.stage, settings.partition);
      if (arrow === undefined) return collected(run, settings, Number.POSITIVE_INFINITY);
      run.rowsRead += arrow.rows;
      return result({ kind: 'arrow', stream: arrow.stream }, arrow.rows, arrow.stream.length);
    }
    case 'collect':
      return collected(run, settings, Number.POSITIVE_INFINITY);
    case 'take':
      return collected(run, settings, output.limit);
    case 'count':
    case 'drain': {
      const loop = fusedLoop(run, settings, { kind: 'count' });
      return result({ kind: 'count', count: loop.count }, loop.count, 0);
    }
    case 'reduce':
    case 'aggregate':
    case 'extreme':
    case 'ordered':
    case 'histogram':
    case 'countBy':
    case 'stats':
    case 'lookup':
    case 'apply':
      return single(await partitionValue(run, settings, output));
    case 'save': {
      const { createPartWriter } = await import('../../data/io/part-writer.ts');
      const { isSorted, savedRows } = await import('./saved-rows.ts');
      const writer = createPartWriter(output.staging, settings.partition, settings.attempt, settings.stage);
      try {
        const encoded = isSorted(output.staging.output) ? undefined : run.encodedBatches(plan, settings.partition);
        if (encoded !== undefined) for (const bytes of encoded) writer.writeBatch(bytes);
        else
          for (const batch of savedRows(run, run.compute(plan, settings.partition), output.staging.output))
            writer.write(batch);
        const part = writer.finish();
        return result({ kind: 'part', part }, part.rows, part.sizeBytes);
      } catch (error) {
        writer.abort();
        throw error;
      }
    }
  }
}

function collected(run: TaskRun, { stage, partition }: OutputSettings, limit: number): OutputResult {
  const writer = new BlockWriter();
  for (const batch of run.compute(stage.plan, partition, limit)) {
    writer.write(writer.rows + batch.length > limit ? batch.slice(0, limit - writer.rows) : batch);
    if (writer.rows >= limit) break;
  }
  const block = writer.finish();
  return result({ kind: 'rows', batches: block.kind === 'memory' ? block.batches : [] }, block.rows, block.sizeBytes);
}

function result(value: TaskValue, rowsWritten: number, bytesWritten: number, spilledBytes = 0): OutputResult {
  return { value, rowsWritten, bytesWritten, spilledBytes };
}

function single(rows: readonly unknown[]): OutputResult {
  const batch = encodeBatch(rows);
  return result({ kind: 'value', batch }, rows.length, batch.length);
}

function writeShuffle(run: TaskRun, settings: OutputSettings, output: OutputOf<'shuffle'>): OutputResult {
  const { stage, partition, outputBytes, files } = settings;
  const { numPartitions } = output.partitioner;
  const writer = new MapOutputWriter({
    mapPartition: partition,
    numPartitions,
    memoryBytes: outputBytes,
    newFile: () => files.keep(`shuffle-${output.shuffleId}-${partition}`),
  });
  const partitionOf = partitionFunction(output.partitioner, stage.functions, partition);
  if (output.aggregator === undefined) writeRows(writer, run, settings, output.partitioner, partitionOf);
  else {
    // What was combined so far may go out at any time: the reduce side merges what has the same key.
    const gauge = new GroupGauge(0);
    const loop = fusedLoop(run, settings, { kind: 'combine', aggregator: output.aggregator, of: 'values' }, (at) => {
      const { table, states } = at.groups;
      if (gauge.bytes((slot) => table.keyAt(slot), states) <= settings.executionBytes) return;
      writeGroups(writer, at, numPartitions, partitionOf);
      at.groups.table = new KeyTable();
      at.groups.states = [];
    });
    writeGroups(writer, loop, numPartitions, partitionOf);
  }
  const mapOutput = writer.finish();
  return result({ kind: 'mapOutput', output: mapOutput }, mapOutput.rows, mapOutput.sizeBytes, writer.spilledBytes);
}

/** Deals rows out into a bucket a partition; all buckets are written when together they outgrow the task's memory. */
function writeRows(
  writer: MapOutputWriter,
  run: TaskRun,
  { stage, partition, executionBytes }: OutputSettings,
  { kind, numPartitions }: PartitionerPlan,
  partitionOf: (key: unknown) => number,
): void {
  const buckets: unknown[][] = Array.from({ length: numPartitions }, () => []);
  let bytes = 0;
  const flush = (target: number): void => {
    const bucket = defined(buckets[target], 'bucket');
    if (bucket.length > 0) writer.writeRows(target, bucket);
    buckets[target] = [];
  };
  for (const batch of run.compute(stage.plan, partition)) {
    for (const row of batch) {
      const target = partitionOf(kind === 'roundRobin' ? undefined : pairOf(row)[0]);
      if (defined(buckets[target], 'bucket').push(row) >= BATCH_ROWS) flush(target);
    }
    bytes += batchBytes(batch);
    if (bytes <= executionBytes) continue;
    bytes = 0;
    for (let target = 0; target < numPartitions; target++) flush(target);
  }
  for (let target = 0; target < numPartitions; target++) flush(target);
}

function writeGroups(
  writer: MapOutputWriter,
  loop: StageLoop,
  numPartitions: number,
  partitionOf: (key: unknown) => number,
): void {
  const { table, states } = loop.groups;
  const keys: unknown[][] = Array.from({ length: numPartitions }, () => []);
  const values: unknown[][] = Array.from({ length: numPartitions }, () => []);
  for (let slot = 0; slot < states.length; slot++) {
    const key = table.keyAt(slot);
    const target = partitionOf(key);
    keys[target]?.push(key);
    values[target]?.push(states[slot]);
  }
  keys.forEach((bucket, target) => {
    if (bucket.length > 0) writer.writePairs(target, bucket, values[target] ?? []);
  });
}

/** Reservoir sampling (Vitter's algorithm R), seeded by the partition: the same rows in every run. */
function sampleKeys(run: TaskRun, settings: OutputSettings, output: OutputOf<'sample'>): OutputResult {
  const random = new Random(settings.partition + 1);
  const sample: unknown[] = [];
  let rows = 0;
  for (const row of rowsOf(run.compute(settings.stage.plan, settings.partition))) {
    const key = pairOf(row)[0];
    if (sample.length < output.size) sample.push(key);
    else {
      const at = random.nextInt(rows + 1);
      if (at < output.size) sample[at] = key;
    }
    rows++;
  }
  return result({ kind: 'sample', keys: encodeBatch(sample), rows }, sample.length, 0);
}
