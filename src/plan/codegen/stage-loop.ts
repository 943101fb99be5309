import type { UserFunction } from '../../base/closures/user-function.ts';
import { deepCopy } from '../../base/deep-copy.ts';
import { MillraceError } from '../../base/errors.ts';
import { KeyTable } from '../../data/columnar/key.ts';
import { notAPair } from '../../data/columnar/pair.ts';
import type { AggregatorPlan, FunctionIndex, LoopStep } from './loop-step.ts';
import { checkIterable, PromiseFound, UserFunctionError } from './user-function-error.ts';

/**
 * Where the rows that come out of a loop go:
 * `rows` appends them to the array given with each batch and stops once it holds `limit`;
 * `count` and `drain` count them;
 * `combine` merges pairs by key into a {@link GroupTable}.
 */
export type LoopSink =
  | { readonly kind: 'rows' }
  | { readonly kind: 'count' }
  | { readonly kind: 'reduce'; readonly fn: FunctionIndex }
  | { readonly kind: 'combine'; readonly aggregator: AggregatorPlan; readonly of: 'values' | 'combiners' };

/** The groups of an aggregation: `table` gives each key its slot, `states` holds the combined value of that slot. */
export interface GroupTable {
  table: KeyTable;
  states: unknown[];
}

export interface StageLoop {
  /** Runs the steps over a batch. Returns true when the sink wants no more rows. */
  run(batch: readonly unknown[], out: unknown[], limit: number): boolean;
  /** The same for a batch of pairs held as two arrays; only where there are no steps and the sink combines. */
  runPairs(keys: readonly unknown[], values: readonly unknown[]): void;
  /** Rows that reached a `count` sink. */
  readonly count: number;
  /** The value of a `reduce` sink. */
  readonly reduced: { readonly isEmpty: boolean; readonly value: unknown };
  readonly groups: GroupTable;
}

/** Gives the code of a loop the names it may use. */
interface Runtime {
  readonly KeyTable: typeof KeyTable;
  readonly MillraceError: typeof MillraceError;
  readonly UserFunctionError: typeof UserFunctionError;
  readonly PromiseFound: typeof PromiseFound;
  readonly notAPair: typeof notAPair;
  readonly checkIterable: typeof checkIterable;
  /** A zero value of its own for every key: the merge function may change it. */
  readonly deepCopy: (value: unknown) => unknown;
}

const runtime: Runtime = {
  KeyTable,
  MillraceError,
  UserFunctionError,
  PromiseFound,
  notAPair,
  checkIterable,
  deepCopy,
};

/**
 * Generates the one loop of a stage (tier T0): each step a statement, each user function a call, no closure or array in between.
 *
 * Code for `.map(f0).filter(f1)` with the sink `rows`:
 * ```js
 * for (; row < batch.length; row++) {
 *   const v0 = batch[row];
 *   at = 0; const v1 = f0(v0);
 *   at = 1; const v2 = f1(v1); if (!v2) continue;
 *   out.push(v1);
 * }
 * ```
 * `at` and `row` name the function and the row when one throws.
 *
 * @see DESIGN.md section 6; Neumann, Efficiently Compiling Efficient Query Plans, VLDB 2011
 */
export function generateStageLoop(
  steps: readonly LoopStep[],
  sink: LoopSink,
  functions: readonly UserFunction[],
): StageLoop {
  const source = stageLoopSource(steps, sink);
  const factory = new Function('functions', 'runtime', source) as (
    functions: readonly UserFunction[],
    runtime: Runtime,
  ) => StageLoop;
  return factory(functions, runtime);
}

/** The text of the loop: the same for the same steps, whatever the functions do. */
export function stageLoopSource(steps: readonly LoopStep[], sink: LoopSink): string {
  const writer = new LoopWriter();
  for (const step of steps) writer.step(step);
  writer.sink(sink);
  const declared = [...writer.functions].map((index) => `const f${index} = functions[${index}];`).join('\n');
  const pairs =
    sink.kind === 'combine' && steps.length === 0
      ? pairsLoop(sink.aggregator, sink.of)
      : 'throw new Error("runPairs needs a bare combine");';
  return `'use strict';
const { KeyTable, MillraceError, UserFunctionError, PromiseFound, notAPair, checkIterable, deepCopy } = runtime;
${declared}
let count = 0, base = 0, isEmpty = true, reduced;
const groups = { table: new KeyTable(), states: [] };
return {
  get count() { return count; },
  get reduced() { return { isEmpty, value: reduced }; },
  groups,
  run(batch, out, limit) {
    const { table, states } = groups;
    let at = -1, row = 0;
    try {
      for (; row < batch.length; row++) {
        const v0 = batch[row];
${writer.body}
      }
    } catch (error) {
      throw located(error, at, base + row);
    }
    base += row;
    return false;
  },
  runPairs(keys, values) {
    const { table, states } = groups;
    let at = -1, row = 0;
    try {
${pairs}
    } catch (error) {
      throw located(error, at, base + row);
    }
    base += row;
  },
};
function located(error, at, row) {
  return at < 0 || error instanceof UserFunctionError || error instanceof PromiseFound || error instanceof MillraceError
    ? error : new UserFunctionError(at, row, error);
}
`;
}

/** Writes the statements of one row, step by step; loops of flatMap stay open until the sink has been written. */
class LoopWriter {
  readonly functions = new Set<FunctionIndex>();
  readonly #lines: string[] = [];
  #next = 1;
  #value = 'v0';
  #open = 0;
  /** The function whose generator runs between two calls: that of the innermost flatMap, or -1. */
  #around: FunctionIndex = -1;

  get body(): string {
    return [...this.#lines, '}'.repeat(this.#open)].join('\n');
  }

  step(step: LoopStep): void {
    const value = this.#value;
    switch (step.op) {
      case 'map':
        this.#value = this.#call(step.fn, value);
        return;
      case 'foreach':
        this.#call(step.fn, value);
        return;
      case 'filter':
        this.#lines.push(`if (!${this.#call(step.fn, value)}) continue;`);
        return;
      case 'flatMap':
        this.#each(this.#call(step.fn, value), step.fn);
        return;
      case 'keyBy': {
        const key = this.#call(step.fn, value);
        this.#value = this.#define(`[${key}, ${value}]`);
        return;
      }
      case 'mapValues': {
        this.#checkPair();
        const mapped = this.#call(step.fn, `${value}[1]`);
        this.#value = this.#define(`[${value}[0], ${mapped}]`);
        return;
      }
      case 'flatMapValues': {
        this.#checkPair();
        this.#each(this.#call(step.fn, `${value}[1]`), step.fn);
        this.#value = this.#define(`[${value}[0], ${this.#value}]`);
        return;
      }
      case 'keys':
      case 'values':
        this.#checkPair();
        this.#value = this.#define(`${value}[${step.op === 'keys' ? 0 : 1}]`);
        return;
      case 'asKey':
        this.#value = this.#define(`[${value}, null]`);
        return;
    }
  }

  sink(sink: LoopSink): void {
    const value = this.#value;
    switch (sink.kind) {
      case 'rows':
        this.#lines.push(`out.push(${value});`, 'if (out.length >= limit) return true;');
        return;
      case 'count':
        this.#lines.push('count++;');
        return;
      case 'reduce':
        this.functions.add(sink.fn);
        this.#lines.push(
          `if (isEmpty) { isEmpty = false; reduced = ${value}; }`,
          `else { at = ${sink.fn}; reduced = f${sink.fn}(reduced, ${value}); ${promiseCheck('reduced', sink.fn)} at = -1; }`,
        );
        return;
      case 'combine':
        this.#checkPair();
        for (const fn of aggregatorFunctions(sink.aggregator)) this.functions.add(fn);
        this.#lines.push(combineStatement(sink.aggregator, sink.of, `${value}[0]`, `${value}[1]`));
        return;
    }
  }

  #define(expression: string): string {
    const name = `v${this.#next++}`;
    this.#lines.push(`const ${name} = ${expression};`);
    return name;
  }

  #call(fn: FunctionIndex, argument: string): string {
    this.functions.add(fn);
    this.#lines.push(`at = ${fn};`);
    const result = this.#define(`f${fn}(${argument})`);
    this.#lines.push(promiseCheck(result, fn), `at = ${this.#around};`);
    return result;
  }

  /** Opens a loop over an iterable; the function is still at work while a generator of its own runs. */
  #each(iterable: string, fn: FunctionIndex): void {
    const name = `v${this.#next++}`;
    this.#lines.push(
      `at = ${fn};`,
      `if (!Array.isArray(${iterable})) checkIterable(${iterable}, ${fn});`,
      `for (const ${name} of ${iterable}) {`,
    );
    this.#open++;
    this.#around = fn;
    this.#value = name;
  }

  #checkPair(): void {
    this.#lines.push(
      `if (!Array.isArray(${this.#value}) || ${this.#value}.length !== 2) throw notAPair(${this.#value});`,
    );
  }
}

/** A promise where a value was expected ends the loop; a promise is an object, so other values cost one `typeof`. */
function promiseCheck(name: string, fn: FunctionIndex): string {
  return `if (typeof ${name} === 'object' && ${name} instanceof Promise) throw new PromiseFound(${fn});`;
}

function aggregatorFunctions(aggregator: AggregatorPlan): readonly FunctionIndex[] {
  switch (aggregator.kind) {
    case 'reduce':
      return [aggregator.merge];
    case 'combine':
      return [aggregator.mergeValue, aggregator.createCombiner, aggregator.mergeCombiners];
    case 'aggregate':
      return [aggregator.mergeValue, aggregator.zero, aggregator.mergeCombiners];
    case 'group':
    case 'distinct':
      return [];
  }
}

/** Merges one value (or one combiner) into the state of its key. */
function combineStatement(aggregator: AggregatorPlan, of: 'values' | 'combiners', key: string, value: string): string {
  const slot = `const slot = table.slot(${key});`;
  const call = (fn: FunctionIndex, ...args: string[]): string =>
    `at = ${fn}; const merged = f${fn}(${args.join(', ')}); ${promiseCheck('merged', fn)} at = -1;`;
  const upsert = (insert: string, merge: string): string =>
    `${slot} if (slot === states.length) { ${insert} } else { ${merge} }`;
  const set = 'states[slot] = merged;';
  const push = 'states.push(merged);';
  switch (aggregator.kind) {
    case 'reduce':
      return upsert(`states.push(${value});`, `${call(aggregator.merge, 'states[slot]', value)} ${set}`);
    case 'combine':
      return of === 'combiners'
        ? upsert(`states.push(${value});`, `${call(aggregator.mergeCombiners, 'states[slot]', value)} ${set}`)
        : upsert(
            `${call(aggregator.createCombiner, value)} ${push}`,
            `${call(aggregator.mergeValue, 'states[slot]', value)} ${set}`,
          );
    case 'aggregate':
      return of === 'combiners'
        ? upsert(`states.push(${value});`, `${call(aggregator.mergeCombiners, 'states[slot]', value)} ${set}`)
        : upsert(
            `${call(aggregator.mergeValue, `deepCopy(f${aggregator.zero}())`, value)} ${push}`,
            `${call(aggregator.mergeValue, 'states[slot]', value)} ${set}`,
          );
    case 'group':
      return of === 'combiners'
        ? upsert(`states.push(${value});`, `for (const item of ${value}) states[slot].push(item);`)
        : upsert(`states.push([${value}]);`, `states[slot].push(${value});`);
    case 'distinct':
      return `${slot} if (slot === states.length) states.push(${value});`;
  }
}

function pairsLoop(aggregator: AggregatorPlan, of: 'values' | 'combiners'): string {
  return `      for (; row < keys.length; row++) {
        const key = keys[row], value = values[row];
        ${combineStatement(aggregator, of, 'key', 'value')}
      }`;
}
