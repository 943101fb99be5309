import type { BatchStatus } from '../definition/batch-status.ts';
import type { Guarantee } from '../definition/guarantee.ts';
import type { StepRecord } from './execution-records.ts';
import type { SqlRow } from './sql/database.ts';

const fixed = ['id', 'execution_id', 'step_name', 'position', '"partition"'] as const;
const changing = [
  'status',
  'exit_code',
  'start_time',
  'end_time',
  'read_count',
  'filter_count',
  'write_count',
  'read_skip_count',
  'process_skip_count',
  'write_skip_count',
  'commit_count',
  'rollback_count',
  'retry_count',
  'checkpoint',
  'checkpoint_version',
  'context',
  'result',
  'failure',
  'reused_from',
  'skip_reason',
  'in_doubt',
  'guarantee',
] as const;

const columns = [...fixed, ...changing];
export const insertStep: string = `insert into millrace_step_execution (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`;
export const updateStep: string = `update millrace_step_execution set ${changing.map((column) => `${column} = ?`).join(', ')} where id = ?`;
/** What a chunk's commit changes. */
export const updateProgress: string =
  'update millrace_step_execution set read_count = ?, filter_count = ?, write_count = ?, read_skip_count = ?, process_skip_count = ?, write_skip_count = ?, commit_count = ?, rollback_count = ?, retry_count = ?, checkpoint = ?, checkpoint_version = ?, context = ? where id = ?';

export function insertStepValues(step: StepRecord): unknown[] {
  return [step.id, step.executionId, step.name, step.position, step.partition ?? null, ...changingValues(step)];
}

export function updateStepValues(step: StepRecord): unknown[] {
  return [...changingValues(step), step.id];
}

export function progressValues(step: StepRecord): unknown[] {
  return [...countValues(step), step.checkpoint ?? null, step.checkpointVersion ?? null, step.context ?? null, step.id];
}

function changingValues(step: StepRecord): unknown[] {
  return [
    step.status,
    step.exitCode,
    step.startTime ?? null,
    step.endTime ?? null,
    ...countValues(step),
    step.checkpoint ?? null,
    step.checkpointVersion ?? null,
    step.context ?? null,
    step.result ?? null,
    json(step.failure),
    step.reusedFrom ?? null,
    json(step.skipReason),
    json(step.inDoubt),
    step.guarantee ?? null,
  ];
}

function countValues({ counts }: StepRecord): number[] {
  return [
    counts.read,
    counts.filter,
    counts.write,
    counts.readSkip,
    counts.processSkip,
    counts.writeSkip,
    counts.commit,
    counts.rollback,
    counts.retry,
  ];
}

export function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

export function parsed<T>(value: unknown): T | undefined {
  return typeof value === 'string' ? (JSON.parse(value) as T) : undefined;
}

export function optionalNumber(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

export function optionalText(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

export function stepRecordOf(row: SqlRow): StepRecord {
  const n = (name: string): number => Number(row[name]);
  const [readSkip, processSkip, writeSkip] = [n('read_skip_count'), n('process_skip_count'), n('write_skip_count')];
  return {
    id: String(row['id']),
    executionId: String(row['execution_id']),
    name: String(row['step_name']),
    position: n('position'),
    partition: optionalNumber(row['partition']),
    status: String(row['status']) as BatchStatus,
    exitCode: String(row['exit_code']),
    startTime: optionalNumber(row['start_time']),
    endTime: optionalNumber(row['end_time']),
    counts: {
      read: n('read_count'),
      filter: n('filter_count'),
      write: n('write_count'),
      readSkip,
      processSkip,
      writeSkip,
      skip: readSkip + processSkip + writeSkip,
      commit: n('commit_count'),
      rollback: n('rollback_count'),
      retry: n('retry_count'),
    },
    checkpoint: optionalText(row['checkpoint']),
    checkpointVersion: optionalNumber(row['checkpoint_version']),
    context: optionalText(row['context']),
    result: optionalText(row['result']),
    failure: parsed(row['failure']),
    reusedFrom: optionalText(row['reused_from']),
    skipReason: parsed(row['skip_reason']),
    inDoubt: parsed(row['in_doubt']),
    guarantee: optionalText(row['guarantee']) as Guarantee | undefined,
  };
}
