import type { UserFunction } from '../../base/closures/user-function.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { hashKey, partitionOfHash } from '../../data/columnar/key.ts';
import { compareValues } from '../../data/columnar/ordering.ts';
import { UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import type { PartitionerPlan } from '../../plan/stages/task-plan.ts';

/** Gives each key its partition. Round robin ignores the key and starts at another partition in each map task. */
export function partitionFunction(
  plan: PartitionerPlan,
  functions: readonly UserFunction[],
  mapPartition: number,
): (key: unknown) => number {
  const { numPartitions } = plan;
  switch (plan.kind) {
    case 'hash':
      return (key) => partitionOfHash(hashKey(key), numPartitions);
    case 'roundRobin': {
      let next = mapPartition % numPartitions;
      return () => {
        const partition = next;
        next = next + 1 === numPartitions ? 0 : next + 1;
        return partition;
      };
    }
    case 'range':
      return plan.ascending
        ? (key) => rangeOf(key, plan.bounds)
        : (key) => numPartitions - 1 - rangeOf(key, plan.bounds);
    case 'custom': {
      const partition = defined(functions[plan.fn], 'partition function') as (key: unknown) => unknown;
      return (key) => checked(call(partition, key, plan.fn), numPartitions);
    }
  }
}

/** The first range whose upper bound is not below the key: binary search. */
function rangeOf(key: unknown, bounds: readonly unknown[]): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareValues(key, bounds[middle]) > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function call(partition: (key: unknown) => unknown, key: unknown, fn: number): unknown {
  try {
    return partition(key);
  } catch (error) {
    throw new UserFunctionError(fn, undefined, error);
  }
}

function checked(partition: unknown, numPartitions: number): number {
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition < numPartitions)
    return partition;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `partitionBy: the partition function must give an integer from 0 to ${numPartitions - 1}, got ${String(partition)}.`,
  );
}
