import { defined } from '../../base/defined.ts';
import { pairOf } from '../../data/columnar/pair.ts';
import type { FunctionIndex, LoopStep } from '../../plan/codegen/loop-step.ts';
import { checkAwaited, UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import { inputsOf } from '../../plan/stages/task-inputs.ts';
import type { TaskNode } from '../../plan/stages/task-plan.ts';
import type { LoadedStage } from './loaded-stage.ts';
import { blame, type TaskEnvironment, type TaskRun } from './task-run.ts';

/** Rows of one partition whose promises may be open at the same time. */
const CONCURRENCY = 16;

export type ReadyPartitions = Map<TaskNode, Map<number, unknown[][]>>;

/** The functions of a plan node that may give promises. Merging by key may not: its order of calls is the loop's own. */
export function awaitableFunctions(node: TaskNode): readonly FunctionIndex[] {
  switch (node.kind) {
    case 'pipeline':
      return node.steps.flatMap((step) => ('fn' in step ? [step.fn] : []));
    case 'mapPartitions':
    case 'zip':
      return node.fn === undefined ? [] : [node.fn];
    case 'blocks':
    case 'range':
    case 'source':
    case 'glom':
    case 'foldPartition':
    case 'builtIn':
    case 'stacked':
    case 'union':
    case 'gather':
    case 'cartesian':
    case 'shuffleRead':
    case 'combine':
    case 'sort':
    case 'cogroup':
    case 'join':
    case 'cached':
      return [];
  }
}

/**
 * Computes with `run`, from the bottom up, every pipeline below `node` that has an async function, and keeps its rows for the synchronous run.
 * Of a function over a partition it asks for no more than `limit` rows. Rows keep their order; at most {@link CONCURRENCY} promises are open
 * at once. Costs the memory of those rows.
 */
export async function awaitAsyncSteps(
  environment: TaskEnvironment,
  run: TaskRun,
  node: TaskNode,
  partition: number,
  ready: ReadyPartitions,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (node.kind === 'cached' && environment.block(node.nodeId, partition) !== undefined) return;
  for (const [input, index] of inputsOf(node, partition)) await awaitAsyncSteps(environment, run, input, index, ready);
  const { stage } = environment;
  if (!awaitableFunctions(node).some((fn) => stage.asyncFunctions.has(fn))) return;
  let rows: unknown[];
  if (node.kind === 'pipeline') rows = await pipelineRows(stage, node.steps, run.compute(node.input, partition));
  else if ((node.kind === 'mapPartitions' || node.kind === 'zip') && node.fn !== undefined)
    rows = await partitionRows(stage, node.fn, run.partitionArguments(node, partition), limit);
  else return;
  const partitions = ready.get(node) ?? new Map<number, unknown[][]>();
  ready.set(node, partitions.set(partition, [rows]));
}

async function partitionRows(
  stage: LoadedStage,
  fn: FunctionIndex,
  args: readonly unknown[],
  limit: number,
): Promise<unknown[]> {
  const rows: unknown[] = [];
  try {
    const userFunction = defined(stage.functions[fn], 'partition function') as (...args: unknown[]) => unknown;
    const result = await userFunction(...args);
    checkAwaited(result);
    for await (const row of result) if (rows.push(row) >= limit) break;
  } catch (error) {
    throw blame(fn, error);
  }
  return rows;
}

async function pipelineRows(
  stage: LoadedStage,
  steps: readonly LoopStep[],
  batches: Iterable<readonly unknown[]>,
): Promise<unknown[]> {
  const out: unknown[] = [];
  const open: Promise<unknown[]>[] = [];
  let row = 0;
  try {
    for (const batch of batches)
      for (const value of batch) {
        open.push(runSteps(stage, steps, 0, value, row++));
        if (open.length >= CONCURRENCY) for (const result of await defined(open.shift(), 'open row')) out.push(result);
      }
    for (let next = open.shift(); next !== undefined; next = open.shift())
      for (const result of await next) out.push(result);
  } finally {
    await Promise.allSettled(open);
  }
  return out;
}

/** One row through the steps from `from` on: the plain form of the generated loop, with every call awaited. */
async function runSteps(
  stage: LoadedStage,
  steps: readonly LoopStep[],
  from: number,
  input: unknown,
  row: number,
): Promise<unknown[]> {
  const call = async (fn: FunctionIndex, argument: unknown, check?: (result: unknown) => void): Promise<unknown> => {
    try {
      const result = await (defined(stage.functions[fn], `function ${fn}`) as (argument: unknown) => unknown)(argument);
      check?.(result);
      return result;
    } catch (error) {
      throw new UserFunctionError(fn, row, error);
    }
  };
  let value = input;
  for (let at = from; at < steps.length; at++) {
    const step = defined(steps[at], `step ${at}`);
    const branches = async (values: Iterable<unknown> | AsyncIterable<unknown>): Promise<unknown[]> => {
      const rows: unknown[] = [];
      for await (const branch of values) rows.push(...(await runSteps(stage, steps, at + 1, branch, row)));
      return rows;
    };
    switch (step.op) {
      case 'map':
        value = await call(step.fn, value);
        break;
      case 'foreach':
        await call(step.fn, value);
        break;
      case 'filter':
        if (!(await call(step.fn, value))) return [];
        break;
      case 'flatMap':
        return branches((await call(step.fn, value, checkAwaited)) as Iterable<unknown>);
      case 'keyBy':
        value = [await call(step.fn, value), value];
        break;
      case 'mapValues': {
        const [key, mapped] = pairOf(value);
        value = [key, await call(step.fn, mapped)];
        break;
      }
      case 'flatMapValues': {
        const [key, list] = pairOf(value);
        const values: unknown[] = [];
        for await (const item of (await call(step.fn, list, checkAwaited)) as Iterable<unknown>)
          values.push([key, item]);
        return branches(values);
      }
      case 'keys':
        value = pairOf(value)[0];
        break;
      case 'values':
        value = pairOf(value)[1];
        break;
      case 'asKey':
        value = [value, null];
        break;
    }
  }
  return [value];
}
