import type { CallSite } from '../base/call-site.ts';
import { shipAs } from '../base/closures/shippable.ts';
import type { FunctionToShip, UserFunction } from '../base/closures/user-function.ts';
import { MillraceError } from '../base/errors.ts';
import { decodeBatch } from '../data/columnar/row-codec.ts';
import { checkKnownOptions } from '../data/io/known-options.ts';
import type { ActionCall, Backend } from '../engine/backends/backend.ts';
import type { TaskValue } from '../engine/protocol/task.ts';
import type { RddNode } from '../plan/lineage/node.ts';
import type { StageLowering } from '../plan/stages/lower.ts';
import type { ActionPlan } from '../plan/stages/task-plan.ts';

/** What every action takes last. */
export interface ActionOptions {
  /** Aborting it ends the action with MR_ABORTED, also when a function is stuck in a loop. */
  readonly signal?: AbortSignal | undefined;
  /** The scheduling pool the action belongs to, `default` when left out; see `pools` of the context's options. A name not listed there is fine. */
  readonly pool?: string | undefined;
  /** The job group the action belongs to, by default that of `sc.setJobGroup`: for what runs at the same time as others. */
  readonly group?: string | undefined;
}

/** What every operator that takes a function takes last. */
export interface FunctionOptions {
  /** Values of the function's free variables by name, where they cannot be found out: `map((x) => x * k, { captured: { k } })`. */
  readonly captured?: Readonly<Record<string, unknown>> | undefined;
}

/** An RDD's place in the lineage and its way to the engine; the operators are in the classes above it. */
export abstract class RddCore<T> {
  /** Only for the compiler: the rows' type. */
  declare protected readonly row: T;
  #node: RddNode;
  readonly #runner: Backend;

  /** @internal */
  constructor(node: RddNode, runner: Backend) {
    this.#node = node;
    this.#runner = runner;
  }

  /** @internal The lineage node: frozen, for the engine. */
  get node(): RddNode {
    // Once its lineage is cut, it lets go of it: shuffle outputs of rounds long past are freed.
    this.#node = this.#runner.layout.checkpointOf(this.#node) ?? this.#node;
    return this.#node;
  }

  /** @internal The context's side of this RDD: for the engine. */
  get runner(): Backend {
    return this.#runner;
  }

  /**
   * A number of its own in the context, growing from parents to children.
   *
   * @example
   * ```ts
   * const numbers = sc.range(10);
   * console.log(numbers.map((n) => n).id > numbers.id); // true
   * ```
   */
  get id(): number {
    return this.#node.id;
  }

  static {
    shipAs(RddCore.prototype, () => ({
      kind: 'refuse',
      reason:
        'is an RDD, which lives in the program that made it. Join the two RDDs, or collect one and use the result.',
    }));
  }

  /**
   * How many partitions it has. Lists the files of its sources if no action has done so.
   *
   * @example
   * ```ts
   * console.log(sc.parallelize(['a', 'b', 'c'], 2).getNumPartitions()); // 2
   * ```
   */
  getNumPartitions(): number {
    return this.#runner.layout.numPartitions(this.node);
  }
}

export function functionToShip(
  fn: unknown,
  operator: string,
  callSite: CallSite | undefined,
  options?: FunctionOptions,
): FunctionToShip {
  if (typeof fn !== 'function')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: needs a function, got ${fn === null ? 'null' : typeof fn}.`,
    );
  return { fn: fn as UserFunction, operator, callSite, captured: options?.captured };
}

/** Refuses what is no option of an action; those of its function go with them. */
export function checkActionOptions(action: string, options: ActionOptions | undefined): void {
  if (typeof options === 'object' && options !== null) checkKnownOptions(action, options, ACTION_OPTIONS);
}

const ACTION_OPTIONS: readonly (keyof ActionOptions | keyof FunctionOptions)[] = [
  'signal',
  'pool',
  'group',
  'captured',
];

/** Runs an action and gives each partition's value, in partition order. */
export async function runPartitions<V>(
  rdd: RddCore<unknown>,
  call: Pick<ActionCall, 'name' | 'callSite' | 'partitions' | 'signal' | 'pool' | 'group'>,
  plan: (lowering: StageLowering) => ActionPlan,
  read: (value: TaskValue) => V,
): Promise<V[]> {
  const values = new Map<number, V>();
  await rdd.runner.run({
    ...call,
    node: rdd.node,
    plan,
    onValue: (partition, value) => values.set(partition, read(value)),
  });
  const partitions = call.partitions ?? [...values.keys()].sort((a, b) => a - b);
  return partitions.map((partition) => values.get(partition) as V);
}

/** The rows of a task's value. */
export function rowsOfValue(value: TaskValue): unknown[] {
  switch (value.kind) {
    case 'rows': {
      const [first, ...rest] = value.batches;
      if (first === undefined) return [];
      return rest.length === 0 ? decodeBatch(first) : value.batches.flatMap((batch) => decodeBatch(batch));
    }
    case 'value':
      return decodeBatch(value.batch);
    case 'count':
      return [value.count];
    case 'part':
      return [value.part];
    case 'mapOutput':
    case 'arrow':
    case 'sample':
      throw new MillraceError('MR_BUG', `an action got a ${value.kind} as its value.`);
  }
}
