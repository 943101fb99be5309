import { BuiltinExports } from './builtin-modules.ts';
import { isAsyncFunction } from './capture-function.ts';
import { type CaptureTools, ClosureGraph } from './closure-graph.ts';
import { FunctionReader } from './function-reader.ts';
import { KnownClasses } from './known-classes.ts';
import { PackageResolver } from './packages.ts';
import type { ClosureNode, ClosurePayload } from './payload.ts';
import { refuseValue } from './refusal.ts';
import { writeSnapshot } from './snapshot.ts';
import type { FunctionToShip } from './user-function.ts';

/** One inspector session a thread: opening it is dear, and an open session costs nothing. */
let tools: CaptureTools | undefined;

/**
 * Captures the functions of a stage with everything they refer to, as data that a worker rebuilds them from.
 *
 * Synchronous, and a snapshot of this moment: a `let` assigned before is seen, what the program changes afterwards is
 * not. All functions at once, so that what two of them share stays shared. As in Spark, a worker changes its own copy
 * of what was captured. Costs some 0.1 ms a function once its script is known, plus the size of the captured data.
 *
 * @throws {MillraceError} MR_CLOSURE_UNSHIPPABLE names the variable, the path in it, the user's line and the mend
 */
export function captureClosures(functions: readonly FunctionToShip[]): ClosurePayload {
  tools ??= makeTools();
  const { reader } = tools;
  try {
    reader.prefetch(functions.map(({ fn }) => fn));
    const graph = new ClosureGraph(tools);
    const roots = functions.map((shipped) => graph.value(shipped.fn, { kind: 'function', shipped }));
    const nodes = graph.finish();
    const shared = [...graph.shared];
    const snapshot = snapshotOf(graph, shared, functions);
    const isLarge = typeof snapshot.data === 'number' || snapshot.largeBuffers.some(({ readOnly }) => !readOnly);
    const keepsState = !isLarge && (graph.plainValues.some(isObject) || nodes.some(holdsState));
    const isAsync = functions.map(({ fn }) => isAsyncFunction(fn, reader));
    return { nodes, roots, isAsync, keepsState, ...snapshot, shared };
  } finally {
    reader.finish();
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Whether a call can leave something behind in it that a later call finds. Boxes are meant to: they hold what a module caches. */
function holdsState(node: ClosureNode): boolean {
  switch (node.kind) {
    case 'object':
    case 'array':
    case 'map':
    case 'set':
    case 'error':
    case 'dressed':
    case 'construct':
    case 'nodeBuffer':
      return true;
    case 'function':
      return node.properties.length > 0 || node.staticPrivate.length > 0;
    case 'data':
    case 'global':
    case 'symbol':
    case 'registeredSymbol':
    case 'import':
    case 'require':
    case 'dynamicImport':
    case 'importMeta':
    case 'keepName':
    case 'revived':
    case 'property':
    case 'box':
    case 'bound':
    case 'sharedBuffer':
    case 'view':
      return false;
  }
}

function makeTools(): CaptureTools {
  const reader = new FunctionReader();
  const builtins = new BuiltinExports();
  return { reader, builtins, classes: new KnownClasses(reader, builtins), packages: new PackageResolver() };
}

function snapshotOf(
  graph: ClosureGraph,
  shared: SharedArrayBuffer[],
  functions: readonly FunctionToShip[],
): Pick<ClosurePayload, 'data' | 'largeBuffers'> {
  try {
    return writeSnapshot(graph.plainValues, graph.buffers, shared);
  } catch (error) {
    const [shipped] = functions;
    if (shipped === undefined || !(error instanceof Error)) throw error;
    return refuseValue(
      { kind: 'function', shipped },
      `one that captures data V8 cannot copy (${error.message})`,
      'Capture less.',
    );
  }
}
