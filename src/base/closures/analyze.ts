import type { AnyNode, FunctionExpression } from 'acorn';
import { type ClassMembers, readClass, type TextRange } from './analyze-class.ts';
import { type ParsedFunction, parseFunction } from './parse-function.ts';
import { isPlainFunction, type Reference, type WriteOperator, walkReferences } from './references.ts';

/** One use of a free variable. */
export interface VariableUse extends TextRange {
  /** `{ name }` in an object literal or pattern: replacing the text needs `name: other`. */
  readonly isShorthand: boolean;
  readonly isCallee: boolean;
}

/** A name that a function uses and does not declare. */
export interface FreeVariable {
  readonly name: string;
  readonly uses: readonly VariableUse[];
  readonly writes: readonly WriteOperator[];
  /** The properties read from it by a fixed name; undefined when it is also used in another way. */
  readonly members: ReadonlySet<string> | undefined;
  /** Every use reads an element or asks something that changes nothing: a typed array in it can be shared. */
  readonly isOnlyRead: boolean;
}

/** What keeps a function from standing by itself, whatever its variables hold. */
export type FunctionFault = 'this' | 'arguments' | 'new.target' | 'super' | 'eval' | 'private name';

/**
 * What the text of a function says without running it. Cached by text, so it knows nothing of one closure.
 *
 * `parsed.node` with {@link walkReferences} answers further questions (which properties of a parameter are read?).
 */
export interface FunctionAnalysis {
  readonly parsed: ParsedFunction;
  readonly isArrow: boolean;
  readonly freeVariables: ReadonlyMap<string, FreeVariable>;
  readonly faults: ReadonlySet<FunctionFault>;
  /** A function that assigns its own name (coverage tools do) must not be called by it: its name, to be left out. */
  readonly assignedName: TextRange | undefined;
  /** `super` in a method, which needs the object it belongs to. */
  readonly usesSuper: boolean;
  readonly importMeta: readonly TextRange[];
  /** Present when the function is a class. */
  readonly classMembers: ClassMembers | undefined;
}

const cacheSize = 1024;
const cache = new Map<string, FunctionAnalysis>();

/** @throws {SyntaxError} when the text is no function that stands by itself */
export function analyzeFunction(text: string): FunctionAnalysis {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const analysis = analyze(parseFunction(text));
  const oldest = cache.keys().next();
  if (cache.size >= cacheSize && !oldest.done) cache.delete(oldest.value);
  cache.set(text, analysis);
  return analysis;
}

function analyze(parsed: ParsedFunction): FunctionAnalysis {
  const { node, offset } = parsed;
  const range = (at: AnyNode): TextRange => ({ start: at.start - offset, end: at.end - offset });
  const assignedName = node.type === 'FunctionExpression' && node.id && assignsOwnName(node) ? node.id : undefined;
  const classParts = node.type === 'ClassExpression' ? readClass(node, range) : undefined;
  const variables = new Map<string, VariableDraft>();
  const faults = new Set<FunctionFault>();
  const importMeta: TextRange[] = [];
  let usesSuper = false;

  walkReferences(node, {
    enter(at, ancestors) {
      if (classParts?.skipped.has(at)) return false;
      if (at.type === 'ThisExpression' && !hasOwnThis(ancestors)) faults.add('this');
      if (at.type === 'Super' && !hasHome(ancestors)) {
        if (parsed.form === 'method') usesSuper = true;
        else faults.add('super');
      }
      if (at.type === 'MetaProperty') {
        if (at.meta.name === 'import') importMeta.push(range(at));
        else if (!hasOwnThis(ancestors)) faults.add('new.target');
      }
      if (at.type === 'PrivateIdentifier' && !ancestors.some((one) => one.type === 'ClassBody'))
        faults.add('private name');
      return undefined;
    },
    reference(reference) {
      const { identifier, binding, ancestors } = reference;
      const isOwnName = binding?.scope === node && binding.kind === 'function' && binding.name === assignedName?.name;
      if (binding !== undefined && !isOwnName) return;
      const parent = ancestors.at(-1);
      if (identifier.name === 'arguments') faults.add('arguments');
      else if (identifier.name === 'eval' && parent?.type === 'CallExpression' && parent.callee === identifier)
        faults.add('eval');
      else {
        const draft = variables.get(identifier.name) ?? new VariableDraft(identifier.name);
        variables.set(identifier.name, draft);
        draft.add(reference, range(identifier));
      }
    },
  });

  return {
    parsed,
    isArrow: node.type === 'ArrowFunctionExpression',
    freeVariables: new Map([...variables].map(([name, draft]) => [name, draft.finish()])),
    faults,
    assignedName: assignedName && range(assignedName),
    usesSuper,
    importMeta,
    classMembers: classParts?.members,
  };
}

function assignsOwnName(node: FunctionExpression): boolean {
  let found = false;
  walkReferences(node, {
    reference({ identifier, binding, write }) {
      found ||=
        write !== undefined &&
        binding?.scope === node &&
        binding.kind === 'function' &&
        identifier.name === node.id?.name;
    },
  });
  return found;
}

function hasOwnThis(ancestors: readonly AnyNode[]): boolean {
  return ancestors.some((ancestor, index) => {
    if (isPlainFunction(ancestor) || ancestor.type === 'StaticBlock') return true;
    return ancestor.type === 'PropertyDefinition' && !(ancestor.computed && ancestors[index + 1] === ancestor.key);
  });
}

/** Whether `super` stands in a class or in a method of an object literal that is part of the text. */
function hasHome(ancestors: readonly AnyNode[]): boolean {
  return ancestors.some(
    (ancestor) =>
      ancestor.type === 'ClassBody' ||
      (ancestor.type === 'Property' && (ancestor.method || ancestor.kind === 'get' || ancestor.kind === 'set')),
  );
}

/** Methods of arrays and typed arrays that neither change nor hand out what they are called on. */
const readingMethods = new Set(['at', 'includes', 'indexOf', 'join', 'lastIndexOf', 'slice']);

class VariableDraft {
  readonly #name: string;
  readonly #uses: VariableUse[] = [];
  readonly #writes: WriteOperator[] = [];
  readonly #members = new Set<string>();
  #isOnlyMembers = true;
  #isOnlyRead = true;

  constructor(name: string) {
    this.#name = name;
  }

  add({ identifier, write, ancestors }: Reference, range: TextRange): void {
    const parent = ancestors.at(-1);
    const isShorthand = parent?.type === 'Property' && parent.shorthand;
    const isCallee = parent?.type === 'CallExpression' && parent.callee === identifier;
    this.#uses.push({ ...range, isShorthand, isCallee });
    if (write !== undefined) this.#writes.push(write);
    const isObject = parent?.type === 'MemberExpression' && parent.object === identifier;
    if (isObject && !parent.computed && parent.property.type === 'Identifier') this.#members.add(parent.property.name);
    else this.#isOnlyMembers = false;
    const isLoopedOver = parent?.type === 'ForOfStatement' && parent.right === identifier;
    if (isLoopedOver) return;
    if (write !== undefined || !isObject || !onlyReads(parent, ancestors.slice(0, -1))) this.#isOnlyRead = false;
  }

  finish(): FreeVariable {
    return {
      name: this.#name,
      uses: this.#uses,
      writes: this.#writes,
      members: this.#isOnlyMembers ? this.#members : undefined,
      isOnlyRead: this.#isOnlyRead,
    };
  }
}

/** Whether `member` (`v[i]`, `v.length`, `v.at(i)`) reads and nothing else, where it stands. */
function onlyReads(member: AnyNode & { type: 'MemberExpression' }, ancestors: readonly AnyNode[]): boolean {
  const parent = ancestors.at(-1);
  if (parent === undefined) return false;
  if (!member.computed) {
    if (member.property.type !== 'Identifier') return false;
    if (member.property.name === 'length') return true;
    return parent.type === 'CallExpression' && parent.callee === member && readingMethods.has(member.property.name);
  }
  switch (parent.type) {
    case 'AssignmentExpression':
      return parent.right === member;
    case 'UpdateExpression':
    case 'ArrayPattern':
    case 'AssignmentPattern':
    case 'RestElement':
      return false;
    case 'ForInStatement':
    case 'ForOfStatement':
      return parent.left !== member;
    case 'UnaryExpression':
      return parent.operator !== 'delete';
    case 'Property':
      return ancestors.at(-2)?.type !== 'ObjectPattern';
    default:
      return true;
  }
}
