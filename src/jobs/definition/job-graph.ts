import { MillraceError } from '../../base/errors.ts';
import type { StepDefinition } from './step-definition.ts';

/**
 * Checks steps that are added to those of a job (ST-100).
 *
 * A step added alone can only wait for earlier ones, so a cycle lies inside one group; the earlier steps are not looked
 * at again, and a job of thousands of steps is defined in linear time but for the copies.
 *
 * @throws {MillraceError} MR_JOB_DEFINITION
 */
export function checkGraph(
  jobName: string,
  earlier: readonly StepDefinition[],
  added: readonly StepDefinition[],
): void {
  const isEarlier = lookup(earlier, added.length);
  const names = new Set<string>();
  for (const { name } of added) {
    if (names.has(name) || isEarlier(name)) {
      throw wrong(jobName, `has two steps named "${name}". Give one of them another name`);
    }
    names.add(name);
  }
  for (const { name, after, when } of added) {
    for (const upstream of after) {
      if (upstream === name) throw wrong(jobName, `has a cycle: ${name} → ${name}. Take one of these out of 'after'`);
      if (names.has(upstream) || isEarlier(upstream)) continue;
      const known = [...earlier, ...added]
        .map((step) => step.name)
        .filter((other) => other !== name)
        .slice(0, 20);
      throw wrong(
        jobName,
        `step "${name}" is to run after "${upstream}", which is no step before it. ${known.length === 0 ? 'There are none' : `There are: ${known.join(', ')}`}`,
      );
    }
    if (when === 'anyFailed' && after.length === 0) {
      throw wrong(
        jobName,
        `step "${name}" runs when any upstream failed (anyFailed), and has none. Name some in 'after'`,
      );
    }
  }
  const cycle = findCycle(added);
  if (cycle !== undefined) {
    throw wrong(jobName, `has a cycle: ${cycle.join(' → ')}. Take one of these out of 'after'`);
  }
}

/** A few questions are asked of the list, many of a set. */
function lookup(steps: readonly StepDefinition[], questions: number): (name: string) => boolean {
  if (questions < 5) return (name) => steps.some((step) => step.name === name);
  const names = new Set(steps.map(({ name }) => name));
  return (name) => names.has(name);
}

function wrong(jobName: string, what: string): MillraceError {
  return new MillraceError('MR_JOB_DEFINITION', `job "${jobName}" ${what}.`, { details: { job: jobName } });
}

/** The names along a cycle, the first again at the end, in the order in which they run; or undefined. */
function findCycle(steps: readonly StepDefinition[]): readonly string[] | undefined {
  const after = new Map(steps.map((step) => [step.name, step.after]));
  const isDone = new Set<string>();
  for (const { name: start } of steps) {
    if (isDone.has(start)) continue;
    // Depth first with a stack of our own: a chain of thousands must not exhaust that of the machine.
    const path: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const upstream = after.get(top.name)?.[top.next++];
      if (upstream === undefined) {
        path.pop();
        onPath.delete(top.name);
        isDone.add(top.name);
      } else if (onPath.has(upstream)) {
        const names = path.map(({ name }) => name);
        const loop = names.slice(names.indexOf(upstream)).reverse();
        // Begun with the step that is defined first.
        const order = steps.map(({ name }) => name);
        const first = loop.reduce(
          (best, name, at) => (order.indexOf(name) < order.indexOf(loop[best] ?? '') ? at : best),
          0,
        );
        const turned = [...loop.slice(first), ...loop.slice(0, first)];
        return [...turned, turned[0] ?? upstream];
      } else if (after.has(upstream) && !isDone.has(upstream)) {
        path.push({ name: upstream, next: 0 });
        onPath.add(upstream);
      }
    }
  }
  return undefined;
}
