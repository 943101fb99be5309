import { types } from 'node:util';
import { formatCallSite } from '../call-site.ts';
import { originalPosition } from '../source-position.ts';
import { analyzeFunction, type FunctionAnalysis, type FunctionFault } from './analyze.ts';
import type { BuiltinExports } from './builtin-modules.ts';
import { captureVariable, type VariableSources } from './capture-variable.ts';
import { type DraftVariable, type FunctionDraft, heritageVariable, importMetaName } from './function-draft.ts';
import { classParts, functionParts } from './function-parts.ts';
import type { FunctionReader, ReadFunction } from './function-reader.ts';
import type { Graph, ValueHints } from './graph.ts';
import { isInNodeModules } from './packages.ts';
import { isNativeText } from './parse-function.ts';
import type { ClosureNode, NodeIndex, TextPosition } from './payload.ts';
import { type CapturePath, isRoot, refuseFunction, refuseValue, shippedFunction } from './refusal.ts';
import type { UserFunction } from './user-function.ts';

export interface FunctionSources extends VariableSources {
  readonly reader: FunctionReader;
  readonly builtins: BuiltinExports;
}

/** What a function becomes in the payload: its text with its variables, or the way a worker gets it by itself. */
export function captureFunction(
  fn: UserFunction,
  path: CapturePath,
  hints: ValueHints,
  self: NodeIndex,
  graph: Graph,
  sources: FunctionSources,
): ClosureNode | FunctionDraft {
  const text = Function.prototype.toString.call(fn);
  if (isNativeText(text)) return captureNative(fn, path, graph, sources);
  const read = sources.reader.read(fn);
  const { script } = read;
  if (script.url.startsWith('node:')) {
    const builtin = sources.builtins.find(fn);
    if (builtin === undefined)
      refuseValue(path, 'a function of Node that no module exports', 'Import it where it is used.');
    return importBuiltin(builtin);
  }
  if (isInNodeModules(script.url)) {
    const imported = sources.packageValues.find(fn, script.url);
    if (imported !== undefined) return imported;
  }
  const analysis = analyze(text, path);
  const fromClass = analysis.parsed.form === 'method' ? methodOfClass(fn, text, hints.home, path, graph) : undefined;
  if (fromClass !== undefined) return fromClass;
  refuseFaults(analysis, read, path);
  const variables = [...analysis.freeVariables.values()].flatMap(
    (variable) => captureVariable(variable, read, path, graph, sources) ?? [],
  );
  return {
    kind: 'draft',
    analysis,
    variables: [...variables, ...impliedVariables(fn, analysis, read, path, graph)],
    node: {
      form: analysis.parsed.form,
      strict: isStrict(fn, analysis, read),
      name: fn.name,
      position: textPosition(analysis, read, path),
      ...(analysis.classMembers?.heritage === undefined ? {} : { heritage: heritageVariable(analysis) }),
      ...(analysis.classMembers
        ? classParts(fn, analysis, path, self, graph, sources.reader)
        : functionParts(fn, path, graph)),
      ...(analysis.usesSuper && hints.home !== undefined
        ? { homePrototype: homePrototype(hints.home, path, graph) }
        : {}),
    },
  };
}

/** Whether a function, or what it is bound to, is declared async: an async function or an async generator. */
export function isAsyncFunction(fn: UserFunction, reader: FunctionReader): boolean {
  if (types.isAsyncFunction(fn)) return true;
  if (!fn.name.startsWith('bound ') || !isNativeText(Function.prototype.toString.call(fn))) return false;
  const target = reader.read(fn).bound?.target;
  return typeof target === 'function' && isAsyncFunction(target as UserFunction, reader);
}

function importBuiltin({
  specifier,
  path,
}: {
  readonly specifier: string;
  readonly path: readonly string[];
}): ClosureNode {
  return { kind: 'import', base: '', specifier, how: 'require', path };
}

function captureNative(
  fn: UserFunction,
  path: CapturePath,
  graph: Graph,
  { reader, builtins }: FunctionSources,
): ClosureNode {
  const builtin = builtins.find(fn);
  if (builtin !== undefined) return importBuiltin(builtin);
  const { bound, scopes } = reader.read(fn);
  if (bound === undefined) {
    const unknown =
      scopes === undefined
        ? 'a bound or native function, and the inspector is refused here'
        : fn.name === ''
          ? 'a native function'
          : `the native function ${fn.name}`;
    return refuseValue(path, unknown, 'Call it inside a function of your own.');
  }
  const part = (text: string): CapturePath => ({ kind: 'part', text, of: path });
  return {
    kind: 'bound',
    target: graph.value(bound.target, part(' (the bound function)'), isObject(bound.self) ? { home: bound.self } : {}),
    self: graph.value(bound.self, part(' (its bound this)')),
    args: bound.args.map((arg, index) => graph.value(arg, part(` (its bound argument ${index + 1})`))),
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A method that the object it belongs to has from a class comes from that class, with its private names and `super`. */
function methodOfClass(
  fn: UserFunction,
  text: string,
  home: object | undefined,
  path: CapturePath,
  graph: Graph,
): ClosureNode | undefined {
  for (let owner: unknown = home; isObject(owner); owner = Object.getPrototypeOf(owner)) {
    const made: unknown = Object.getOwnPropertyDescriptor(owner, 'constructor')?.value;
    if (typeof made !== 'function' || !Function.prototype.toString.call(made).includes(text)) continue;
    const key = Reflect.ownKeys(owner).find((name) => Object.getOwnPropertyDescriptor(owner, name)?.value === fn);
    if (key === undefined) continue;
    const keyNode = typeof key === 'symbol' ? graph.value(key, path) : key;
    return { kind: 'property', of: graph.value(owner, { kind: 'part', text: ' (its class)', of: path }), key: keyNode };
  }
  return undefined;
}

function analyze(text: string, path: CapturePath): FunctionAnalysis {
  try {
    return analyzeFunction(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuseFunction(
      path,
      `has a text that cannot be parsed (${error.message})`,
      'Write it as an ordinary function.',
    );
  }
}

const faultTexts: Readonly<Record<FunctionFault, readonly [fault: string, mend: string]>> = {
  this: [
    'uses the "this" of the place where it was written',
    'Copy what it needs into a const first: const { k } = this.',
  ],
  arguments: ['uses the "arguments" of the function around it', 'Copy what it needs into a const first.'],
  'new.target': ['uses the "new.target" of the function around it', 'Copy what it needs into a const first.'],
  super: ['uses the "super" of the method around it', 'Call the method on an object that the function captures.'],
  eval: ['calls eval, so what it captures cannot be known', 'Write the code out.'],
  'private name': ['uses private members of a class', 'Capture the class or an object, and call the method on it.'],
};

function refuseFaults(analysis: FunctionAnalysis, read: ReadFunction, path: CapturePath): void {
  const [fault] = analysis.faults;
  if (fault === undefined) return;
  const [text, mend] = faultTexts[fault];
  refuseFunction(path, `${text}${whereDeclared(read, path)}`, mend);
}

/** ` (rules.ts:14)` for a function that is not the user's argument itself, whose place the message names already. */
function whereDeclared({ script, location }: ReadFunction, path: CapturePath): string {
  if (isRoot(path) || location === undefined || script.url === '') return '';
  const site = originalPosition({ file: script.url, line: location.line + 1, column: location.column + 1 });
  return ` (${formatCallSite(site)})`;
}

/** Names that our edits put into the text. */
function impliedVariables(
  fn: UserFunction,
  analysis: FunctionAnalysis,
  read: ReadFunction,
  path: CapturePath,
  graph: Graph,
): readonly DraftVariable[] {
  const variables: DraftVariable[] = [];
  if (analysis.importMeta.length > 0)
    variables.push({ name: importMetaName, value: graph.add({ kind: 'importMeta', base: read.script.url }) });
  if (analysis.classMembers?.heritage !== undefined) {
    const name = heritageVariable(analysis);
    const parent: unknown = Object.getPrototypeOf(fn);
    const value = parent === Function.prototype ? null : parent;
    if (!analysis.freeVariables.has(name))
      variables.push({ name, value: graph.value(value, { kind: 'part', text: ' (its parent class)', of: path }) });
  }
  return variables;
}

/** Sloppy functions have `caller` of their own; other forms do not tell, but their script does. */
function isStrict(
  fn: UserFunction,
  { classMembers, isArrow, parsed }: FunctionAnalysis,
  { script }: ReadFunction,
): boolean {
  if (classMembers || script.isModule) return true;
  const tells =
    !isArrow && parsed.form === 'expression' && !types.isAsyncFunction(fn) && !types.isGeneratorFunction(fn);
  return tells ? !Object.hasOwn(fn, 'caller') : script.bindings.isStrict();
}

function textPosition(
  { parsed }: FunctionAnalysis,
  { script, location }: ReadFunction,
  path: CapturePath,
): TextPosition {
  if (location === undefined) {
    const { callSite } = shippedFunction(path);
    return { file: callSite?.file ?? 'closure', line: (callSite?.line ?? 1) - 1, column: 0 };
  }
  const before = parsed.text.slice(0, parsed.anchor);
  const lines = before.split('\n').length - 1;
  return {
    file: script.url === '' ? 'closure' : script.url,
    line: location.line - lines,
    column: lines === 0 ? location.column - parsed.anchor : 0,
  };
}

function homePrototype(home: object, path: CapturePath, graph: Graph): NodeIndex | null {
  const prototype: unknown = Object.getPrototypeOf(home);
  return prototype === null ? null : graph.value(prototype, path);
}
