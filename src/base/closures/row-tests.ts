import type {
  AnyNode,
  ArrowFunctionExpression,
  BinaryExpression,
  Expression,
  FunctionExpression,
  NewExpression,
} from 'acorn';
import type { ParsedFunction } from './parse-function.ts';

/** A constant that a function compares with. */
export type RowConstant = string | number | bigint | boolean | null | Date;

/** A comparison of a property of a row with a constant, as JavaScript means it. Plain data. */
export interface RowTest {
  /** `row.a` is ['a'], `row.a?.b` is ['a', 'b']. */
  readonly path: readonly string[];
  readonly op: '<' | '<=' | '>' | '>=' | '=' | 'isNull' | 'isNotNull' | 'truthy' | 'falsy';
  /** null for the last four. */
  readonly value: RowConstant;
}

/** What a predicate says of the rows it keeps. */
export interface RowTests {
  /** A row that it keeps passes, for each of these, at least one of the tests. Plain data. */
  readonly clauses: readonly (readonly RowTest[])[];
  /** Whether the function does nothing but test: it throws for no row and changes nothing. */
  readonly isPure: boolean;
}

/** What the free variables of a function were when it was captured. */
export interface FreeConstants {
  /** Undefined where it is no constant. */
  constant(name: string): { readonly value: RowConstant } | undefined;
  /** Whether the name stands for what every program finds there. */
  isGlobal(name: string): boolean;
}

const nothing: RowTests = { clauses: [], isPure: false };
const pure: RowTests = { clauses: [], isPure: true };
const maxClauses = 16;

/**
 * What can be told of the rows a predicate keeps, from its text: comparisons with `&&` and `||` between them, from the left up to
 * the first part that might throw or do something. A row that fails a clause never reaches such a part, so leaving it out before
 * the function is called is not to be told from calling it.
 *
 * @see Melnik et al., Dremel; Spark's pushed filters, which only expressions have: here a closure's text is the expression
 */
export function rowTests(parsed: ParsedFunction, variables: FreeConstants): RowTests {
  const { node } = parsed;
  if (parsed.form !== 'expression' || node.type === 'ClassExpression' || node.async || node.generator) return nothing;
  const body = returned(node);
  const row = rowOf(node);
  return body === undefined || row === undefined ? nothing : new TestReader(row, variables).read(body);
}

/** The expression that the function is. */
function returned({ body }: ArrowFunctionExpression | FunctionExpression): Expression | undefined {
  if (body.type !== 'BlockStatement') return body;
  const [only] = body.body;
  return body.body.length === 1 && only?.type === 'ReturnStatement' ? (only.argument ?? undefined) : undefined;
}

/** How the function names its row, or the properties that it takes out of it: local name to property. */
type Row = { readonly name: string } | { readonly properties: ReadonlyMap<string, string> };

function rowOf({ params }: ArrowFunctionExpression | FunctionExpression): Row | undefined {
  const [param] = params;
  if (params.length !== 1 || param === undefined) return undefined;
  if (param.type === 'Identifier') return { name: param.name };
  if (param.type !== 'ObjectPattern') return undefined;
  const properties = new Map<string, string>();
  for (const property of param.properties) {
    if (property.type === 'RestElement' || property.value.type !== 'Identifier') return undefined;
    const key = keyName(property.key, property.computed);
    if (key === undefined) return undefined;
    properties.set(property.value.name, key);
  }
  return { properties };
}

/** `a` in `x.a`, `x['a']` and `{ a: y }`. */
export function keyName(key: AnyNode, computed: boolean): string | undefined {
  if (key.type === 'Identifier' && !computed) return key.name;
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
}

type Comparison = '<' | '<=' | '>' | '>=';
const mirrored: Readonly<Record<Comparison, Comparison>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

class TestReader {
  readonly #row: Row;
  readonly #variables: FreeConstants;

  constructor(row: Row, variables: FreeConstants) {
    this.#row = row;
    this.#variables = variables;
  }

  read(node: Expression): RowTests {
    const path = this.#path(node);
    if (path !== undefined) return one({ path, op: 'truthy', value: null });
    switch (node.type) {
      case 'LogicalExpression':
        if (node.operator === '&&') return this.#and(this.read(node.left), node.right);
        return node.operator === '||' ? this.#or(this.read(node.left), node.right) : nothing;
      case 'UnaryExpression': {
        const negated = node.operator === '!' ? this.#path(node.argument) : undefined;
        return negated === undefined ? nothing : one({ path: negated, op: 'falsy', value: null });
      }
      case 'BinaryExpression':
        return this.#comparison(node);
      case 'CallExpression':
        return this.#includes(node.callee as Expression, node.arguments as readonly Expression[], node.optional);
      default:
        return nothing;
    }
  }

  #and(left: RowTests, right: Expression): RowTests {
    if (!left.isPure) return left;
    const { clauses, isPure } = this.read(right);
    return { clauses: [...left.clauses, ...clauses], isPure };
  }

  /** Each clause of one side or of the other. Only a row that fails the left side reaches the right one. */
  #or(left: RowTests, right: Expression): RowTests {
    if (!left.isPure) return nothing;
    const other = this.read(right);
    const clauses = left.clauses.flatMap((a) => other.clauses.map((b) => [...a, ...b]));
    return { clauses: clauses.length > maxClauses ? [] : clauses, isPure: other.isPure };
  }

  #comparison({ operator, left, right }: BinaryExpression): RowTests {
    if (left.type === 'PrivateIdentifier') return nothing;
    const [leftPath, rightPath] = [this.#path(left), this.#path(right)];
    const [leftValue, rightValue] = [this.#constant(left), this.#constant(right)];
    if ((leftPath ?? leftValue) === undefined || (rightPath ?? rightValue) === undefined) return nothing;
    const path = leftPath ?? rightPath;
    const constant = leftPath === undefined ? leftValue : rightValue;
    if (path === undefined || constant === undefined) return isComparison(operator) ? pure : nothing;
    const { value } = constant;
    switch (operator) {
      case '<':
      case '<=':
      case '>':
      case '>=':
        return one({ path, op: leftPath === undefined ? mirrored[operator] : operator, value });
      case '==':
      case '===':
        return one(value === null ? { path, op: 'isNull', value } : { path, op: '=', value });
      case '!=':
      case '!==':
        return value === null ? one({ path, op: 'isNotNull', value }) : pure;
      default:
        return nothing;
    }
  }

  /** `['a', 'b'].includes(row.x)` */
  #includes(callee: Expression, args: readonly Expression[], optional: boolean): RowTests {
    if (callee.type !== 'MemberExpression' || callee.object.type !== 'ArrayExpression' || optional) return nothing;
    const path = args.length === 1 && args[0] !== undefined ? this.#path(args[0]) : undefined;
    if (path === undefined || keyName(callee.property, callee.computed) !== 'includes') return nothing;
    const values = callee.object.elements.map((element) =>
      element === null || element.type === 'SpreadElement' ? undefined : this.#constant(element),
    );
    const tests = values.map((found): RowTest | undefined => {
      if (found === undefined || Number.isNaN(found.value)) return undefined;
      return found.value === null ? { path, op: 'isNull', value: null } : { path, op: '=', value: found.value };
    });
    if (tests.includes(undefined)) return nothing;
    return { clauses: [tests.filter((test) => test !== undefined)], isPure: true };
  }

  /** The property of the row that an expression reads; what could throw, as `row.a.b` with `a` null, is none. */
  #path(node: AnyNode): readonly string[] | undefined {
    if (node.type === 'ChainExpression') return this.#path(node.expression);
    if (node.type === 'Identifier') {
      const property = 'properties' in this.#row ? this.#row.properties.get(node.name) : undefined;
      return property === undefined ? undefined : [property];
    }
    if (node.type !== 'MemberExpression') return undefined;
    const key = keyName(node.property, node.computed);
    if (key === undefined) return undefined;
    if (node.object.type === 'Identifier' && 'name' in this.#row && node.object.name === this.#row.name) return [key];
    const above = this.#path(node.object);
    return above !== undefined && node.optional ? [...above, key] : undefined;
  }

  #constant(node: AnyNode): { readonly value: RowConstant } | undefined {
    switch (node.type) {
      case 'Literal':
        if (node.bigint !== undefined && node.bigint !== null) return { value: BigInt(node.bigint) };
        return node.value instanceof RegExp || node.value === undefined ? undefined : { value: node.value };
      case 'TemplateLiteral': {
        const [quasi] = node.quasis;
        const text = node.expressions.length === 0 ? quasi?.value.cooked : undefined;
        return typeof text === 'string' ? { value: text } : undefined;
      }
      case 'UnaryExpression': {
        const inner = node.operator === '-' ? this.#constant(node.argument)?.value : undefined;
        return typeof inner === 'number' || typeof inner === 'bigint' ? { value: -inner } : undefined;
      }
      case 'Identifier': {
        const isOwn = 'name' in this.#row ? this.#row.name === node.name : this.#row.properties.has(node.name);
        return isOwn ? undefined : this.#variables.constant(node.name);
      }
      case 'NewExpression':
        return this.#date(node);
      default:
        return undefined;
    }
  }

  /** `new Date('2026-01-01')` */
  #date({ callee, arguments: [argument, ...more] }: NewExpression): { readonly value: Date } | undefined {
    const isDate = callee.type === 'Identifier' && callee.name === 'Date' && this.#variables.isGlobal('Date');
    const from = isDate && argument !== undefined && more.length === 0 ? this.#constant(argument)?.value : undefined;
    return typeof from === 'string' || typeof from === 'number' ? { value: new Date(from) } : undefined;
  }
}

function one(test: RowTest): RowTests {
  return { clauses: [[test]], isPure: true };
}

function isComparison(operator: string): boolean {
  return ['<', '<=', '>', '>=', '==', '===', '!=', '!=='].includes(operator);
}
