import { deepCopy } from '../../base/deep-copy.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { KeyTable, keysEqual } from '../../data/columnar/key.ts';
import { compareValues } from '../../data/columnar/ordering.ts';
import { pairOf } from '../../data/columnar/pair.ts';
import type { FunctionIndex } from '../../plan/codegen/loop-step.ts';
import { PromiseFound, UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import type { ActionPlan, NumberStats } from '../../plan/stages/task-plan.ts';
import { foldRows } from './fold-rows.ts';
import { type FusedSettings, fusedLoop } from './fused-loop.ts';
import { rowsOf } from './rows.ts';
import { blame, type TaskRun } from './task-run.ts';

type ValueAction = Extract<
  ActionPlan,
  {
    readonly kind:
      | 'reduce'
      | 'aggregate'
      | 'extreme'
      | 'ordered'
      | 'histogram'
      | 'countBy'
      | 'stats'
      | 'lookup'
      | 'apply';
  }
>;

/** What an action makes of one partition: mostly one value, none where the partition has no row to make it from. */
export async function partitionValue(
  run: TaskRun,
  settings: FusedSettings,
  action: ValueAction,
): Promise<readonly unknown[]> {
  const { stage, partition } = settings;
  const rows = (): Iterable<unknown> => rowsOf(run.compute(stage.plan, partition));
  const functionAt = (index: FunctionIndex): ((...args: unknown[]) => unknown) =>
    defined(stage.functions[index], `function ${index}`) as (...args: unknown[]) => unknown;
  switch (action.kind) {
    case 'reduce': {
      const { isEmpty, value } = fusedLoop(run, settings, { kind: 'reduce', fn: action.merge }).reduced;
      return isEmpty ? [] : [value];
    }
    case 'aggregate':
      return [foldRows(rows(), deepCopy(functionAt(action.zero)()), functionAt(action.merge), action.merge)];
    case 'extreme':
      return extreme(rows(), functionAt(action.by), action);
    case 'ordered':
      return ordered(rows(), functionAt(action.by), action);
    case 'histogram':
      return [histogram(rows(), action.bounds)];
    case 'countBy':
      return countBy(rows(), action.of);
    case 'stats':
      return [statsOf(rows())];
    case 'lookup': {
      const found: unknown[] = [];
      for (const row of rows()) {
        const [key, value] = pairOf(row);
        if (keysEqual(key, action.key)) found.push(value);
      }
      return found;
    }
    case 'apply': {
      const value = await applyFunction(
        functionAt(action.fn),
        action.fn,
        run.rowsFor(stage.plan, partition),
        partition,
      );
      return action.discard ? [] : [value];
    }
  }
}

type OrderedAction = Extract<ActionPlan, { readonly kind: 'extreme' | 'ordered' }>;
type Ordered = { readonly row: unknown; readonly order: unknown };

/** Every row with what it is compared by: `by(row)`, or the row itself where `by` compares two. */
function* withOrder(
  rows: Iterable<unknown>,
  by: (...args: unknown[]) => unknown,
  action: OrderedAction,
): Iterable<Ordered> {
  let at = 0;
  for (const row of rows) {
    let order = row;
    if (!action.isComparison) {
      try {
        order = by(row);
      } catch (error) {
        throw new UserFunctionError(action.by, at, error);
      }
      if (order instanceof Promise) throw new PromiseFound(action.by);
    }
    yield { row, order };
    at++;
  }
}

function comparison(
  by: (...args: unknown[]) => unknown,
  { by: index, isComparison, sign }: OrderedAction,
): (a: Ordered, b: Ordered) => number {
  if (!isComparison) return (a, b) => sign * compareValues(a.order, b.order);
  return (a, b) => {
    try {
      return sign * Number(by(a.row, b.row));
    } catch (error) {
      throw new UserFunctionError(index, undefined, error);
    }
  };
}

function extreme(
  rows: Iterable<unknown>,
  by: (...args: unknown[]) => unknown,
  action: Extract<ActionPlan, { readonly kind: 'extreme' }>,
): readonly unknown[] {
  const compare = comparison(by, action);
  let best: Ordered | undefined;
  for (const next of withOrder(rows, by, action)) if (best === undefined || compare(next, best) > 0) best = next;
  return best === undefined ? [] : [best.row];
}

/** Rows beyond the limit that are gathered before the last of all are dropped. */
const SURPLUS = 4096;

function ordered(
  rows: Iterable<unknown>,
  by: (...args: unknown[]) => unknown,
  action: Extract<ActionPlan, { readonly kind: 'ordered' }>,
): readonly unknown[] {
  const compare = comparison(by, action);
  let kept: Ordered[] = [];
  const cut = (): void => {
    kept = kept.sort(compare).slice(0, action.limit);
  };
  for (const next of withOrder(rows, by, action)) if (kept.push(next) >= action.limit + SURPLUS) cut();
  cut();
  return kept.map(({ row }) => row);
}

/** null, undefined, NaN and what lies outside of the bounds is not counted. */
function histogram(rows: Iterable<unknown>, bounds: readonly unknown[]): readonly number[] {
  const last = bounds.length - 1;
  const counts = new Array<number>(last).fill(0);
  for (const row of rows) {
    if (row === null || row === undefined || Number.isNaN(row)) continue;
    if (compareValues(row, bounds[0]) < 0 || compareValues(row, bounds[last]) > 0) continue;
    let low = 0;
    let high = last - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareValues(row, bounds[middle]) >= 0) low = middle;
      else high = middle - 1;
    }
    counts[low] = defined(counts[low], 'bucket') + 1;
  }
  return counts;
}

function countBy(rows: Iterable<unknown>, of: 'row' | 'key'): readonly unknown[] {
  const table = new KeyTable();
  const counts: number[] = [];
  for (const row of rows) {
    const slot = table.slot(of === 'key' ? pairOf(row)[0] : row);
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
  return counts.map((count, slot) => [table.keyAt(slot), count]);
}

/** Welford's method: one pass, no cancellation. */
function statsOf(rows: Iterable<unknown>): NumberStats {
  let [count, sum, mean, m2] = [0, 0, 0, 0];
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    if (typeof row !== 'number')
      throw new MillraceError(
        'MR_SCHEMA',
        `sums and statistics need rows that are numbers, got ${row === null ? 'null' : typeof row}. Map to the number first.`,
      );
    count++;
    sum += row;
    const delta = row - mean;
    mean += delta / count;
    m2 += delta * (row - mean);
    min = Math.min(min, row);
    max = Math.max(max, row);
  }
  return { count, sum, mean, m2, min, max };
}

async function applyFunction(
  fn: (...args: unknown[]) => unknown,
  index: FunctionIndex,
  rows: Iterable<unknown>,
  partition: number,
): Promise<unknown> {
  try {
    return await fn(rows, partition);
  } catch (error) {
    throw blame(index, error);
  }
}
