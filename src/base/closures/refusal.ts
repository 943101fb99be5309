import { formatCallSite } from '../call-site.ts';
import { MillraceError } from '../errors.ts';
import type { FunctionToShip } from './user-function.ts';

/** How the capture came to a value, from a user's function inward. Formatted only when something is refused. */
export type CapturePath =
  | { readonly kind: 'function'; readonly shipped: FunctionToShip }
  | { readonly kind: 'variable'; readonly name: string; readonly of: CapturePath }
  /** A transpiler's variable for a module (`import_rules`): the user knows the export that follows by its own name. */
  | { readonly kind: 'module'; readonly of: CapturePath }
  | { readonly kind: 'property'; readonly key: PropertyKey; readonly of: CapturePath }
  /** A Map's value, a Set's item, a bound argument: `text` follows the expression so far. */
  | { readonly kind: 'part'; readonly text: string; readonly of: CapturePath };

export const openInside = 'Open it inside mapPartitions.';

/**
 * A captured value cannot travel: `map at etl.ts:9: the function captures "db" (db.socket is a Socket), which cannot
 * travel to a worker. Open it inside mapPartitions.`
 */
export function refuseValue(path: CapturePath, what: string, mend: string): never {
  const { shipped, variables } = read(path);
  const last = variables.at(-1);
  if (last === undefined) throw refusal(shipped, `the function is ${what}, which cannot travel to a worker. ${mend}`);
  const isVariableItself = last.expression === last.name;
  const why = isVariableItself ? `, ${what},` : `${through(variables)} (${last.expression} is ${what}),`;
  const route = isVariableItself ? through(variables) : '';
  throw refusal(shipped, `the function captures "${last.name}"${route}${why} which cannot travel to a worker. ${mend}`);
}

/** A function itself cannot travel, whatever it captures. `fault` follows "the function". */
export function refuseFunction(path: CapturePath, fault: string, mend: string): never {
  const { shipped, variables } = read(path);
  const last = variables.at(-1);
  const subject =
    last === undefined ? 'the function' : `the function captures "${last.expression}"${through(variables)}, which`;
  throw refusal(shipped, `${subject} ${fault}. ${mend}`);
}

/** A `const` or `let` whose declaration has not run. */
export function refuseUninitialised(path: CapturePath): never {
  return refuseValue(path, 'not initialised yet', 'Call the action after its declaration has run.');
}

/** A captured object said itself why it cannot travel. `reason` says what it is and how to mend it. */
export function refuseByItself(path: CapturePath, reason: string): never {
  const { shipped, variables } = read(path);
  const last = variables.at(-1);
  const what =
    last === undefined
      ? 'the function cannot travel'
      : `the function captures "${last.expression}"${through(variables)}`;
  throw refusal(shipped, `${what}: ${reason}`);
}

export function shippedFunction(path: CapturePath): FunctionToShip {
  return read(path).shipped;
}

/** Whether the path ends at the user's function itself, not at something it captured. */
export function isRoot(path: CapturePath): boolean {
  return path.kind === 'function';
}

interface CapturedVariable {
  readonly name: string;
  /** The variable and the properties that followed: `db.socket`. */
  readonly expression: string;
}

function read(path: CapturePath): {
  readonly shipped: FunctionToShip;
  readonly variables: readonly CapturedVariable[];
} {
  const variables: CapturedVariable[] = [];
  let rest = '';
  let at = path;
  for (; at.kind !== 'function'; at = at.of) {
    if (at.kind === 'variable') {
      variables.unshift({ name: at.name, expression: at.name + rest });
      rest = '';
    } else if (at.kind === 'module') {
      const expression = rest.replace(/^\./, '');
      variables.unshift({ name: expression.split(/[.[ ]/, 1)[0] ?? expression, expression });
      rest = '';
    } else rest = (at.kind === 'part' ? at.text : propertyText(at.key)) + rest;
  }
  return { shipped: at.shipped, variables };
}

/** ` through "lookup"`: the functions between the user's and the one that captured the last variable. */
function through(variables: readonly CapturedVariable[]): string {
  const between = variables.slice(0, -1).map(({ expression }) => `"${expression}"`);
  return between.length === 0 ? '' : ` through ${between.join(' and ')}`;
}

function propertyText(key: PropertyKey): string {
  if (typeof key === 'symbol') return `[${String(key)}]`;
  if (typeof key === 'number' || /^\d+$/.test(key)) return `[${key}]`;
  return /^[\p{ID_Start}$_#][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function refusal(shipped: FunctionToShip, what: string): MillraceError {
  const { operator, callSite } = shipped;
  const details = callSite === undefined ? { operator } : { operator, file: callSite.file, line: callSite.line };
  return new MillraceError('MR_CLOSURE_UNSHIPPABLE', `${operator} at ${formatCallSite(callSite)}: ${what}`, {
    details,
  });
}
