import type { ClosurePayload } from '../../base/closures/payload.ts';
import type { RowTest } from '../../base/closures/row-tests.ts';
import { CapturedRowUse } from '../../base/closures/row-use.ts';
import type { RowUse } from '../../data/io/source-spec.ts';
import type { LoopStep } from '../codegen/loop-step.ts';
import type { TaskNode, TaskOutput } from './task-plan.ts';

export type SourceNode = Extract<TaskNode, { readonly kind: 'source' }>;

/** What a stage does with the rows of a source, as far as the text of its functions tells. */
export function sourceUse(
  source: SourceNode,
  {
    plan,
    output,
    closures,
  }: { readonly plan: TaskNode; readonly output: TaskOutput; readonly closures: ClosurePayload },
): RowUse {
  const isCounted = output.kind === 'count' && (plan === source || (plan.kind === 'pipeline' && plan.input === source));
  return rowUse(source.feeds ?? [], new CapturedRowUse(closures), isCounted);
}

/**
 * The tests of the filters at the beginning, up to one that does more than test; and the properties that are read of rows up to the
 * step behind which there are other rows, or, for a count, none.
 */
export function rowUse(steps: readonly LoopStep[], functions: CapturedRowUse, isCounted: boolean): RowUse {
  return { clauses: testsOf(steps, functions), properties: propertiesOf(steps, functions, isCounted) };
}

function testsOf(steps: readonly LoopStep[], functions: CapturedRowUse): readonly (readonly RowTest[])[] {
  const clauses: (readonly RowTest[])[] = [];
  for (const step of steps) {
    if (step.op !== 'filter') break;
    const tests = functions.tests(step.fn);
    clauses.push(...tests.clauses);
    if (!tests.isPure) break;
  }
  return clauses;
}

function propertiesOf(
  steps: readonly LoopStep[],
  functions: CapturedRowUse,
  isCounted: boolean,
): readonly string[] | undefined {
  const properties = new Set<string>();
  for (const step of steps) {
    if (step.op !== 'filter' && step.op !== 'map' && step.op !== 'flatMap') return undefined;
    const read = functions.properties(step.fn);
    if (read === undefined) return undefined;
    for (const property of read) properties.add(property);
    if (step.op !== 'filter') return [...properties];
  }
  return isCounted ? [...properties] : undefined;
}
