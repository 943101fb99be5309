import {
  type ArrowFunctionExpression,
  type ClassExpression,
  type Expression,
  type FunctionExpression,
  type Options,
  type Program,
  parse,
} from 'acorn';

/** The text of a function as `Function.prototype.toString` gives it, parsed. */
export interface ParsedFunction {
  readonly text: string;
  readonly form: 'expression' | 'method';
  readonly node: FunctionExpression | ArrowFunctionExpression | ClassExpression;
  /** Offset in `text` of the place that V8 reports as the function's location. */
  readonly anchor: number;
  /** Range in `text` of a method's computed key, brackets included. */
  readonly computedKey: readonly [start: number, end: number] | undefined;
  /** What to subtract from a node's position to get an offset in `text`. */
  readonly offset: number;
}

const options: Options = {
  ecmaVersion: 'latest',
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
  allowSuperOutsideMethod: true,
  checkPrivateFields: false,
  allowHashBang: true,
};

/** @throws {SyntaxError} when the text is no function that stands by itself */
export function parseFunction(text: string): ParsedFunction {
  return parseExpression(text) ?? parseMethod(text);
}

/** A whole script: a module, or a CommonJS body without its wrapper. */
export function parseScript(source: string, isModule: boolean): Program {
  return parse(source, { ...options, sourceType: isModule ? 'module' : 'script' });
}

function parseExpression(text: string): ParsedFunction | undefined {
  const parsed = tryParse('(', text, ')');
  if (parsed === undefined) return undefined;
  const { node, offset } = parsed;
  const found = { text, form: 'expression', computedKey: undefined, offset } as const;
  switch (node.type) {
    case 'ArrowFunctionExpression':
      return { ...found, node, anchor: 0 };
    case 'FunctionExpression': {
      const head = node.id === null || node.id === undefined ? node.start : node.id.end;
      return { ...found, node, anchor: openingParenthesis(text, head - offset) };
    }
    case 'ClassExpression': {
      const made = node.body.body.find((member) => member.type === 'MethodDefinition' && member.kind === 'constructor');
      return { ...found, node, anchor: made?.type === 'MethodDefinition' ? made.value.start - offset : 0 };
    }
    default:
      return undefined;
  }
}

function parseMethod(text: string): ParsedFunction {
  const { node: object, offset } = tryParse('({', text, '})') ?? {};
  const property = object?.type === 'ObjectExpression' ? object.properties[0] : undefined;
  if (offset === undefined || property?.type !== 'Property' || property.value.type !== 'FunctionExpression')
    throw new SyntaxError(`this text is no function: ${text.slice(0, 80)}`);
  const { key, value, computed } = property;
  const computedKey = computed ? keyBrackets(text, key.start - offset, key.end - offset) : undefined;
  return { text, form: 'method', node: value, anchor: value.start - offset, computedKey, offset };
}

/** The expression that the text is between `open` and `close`, inside a function, where `new.target` may stand. */
function tryParse(
  open: string,
  text: string,
  close: string,
): { readonly node: Expression; readonly offset: number } | undefined {
  const before = `(function(){${open}`;
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const [outer] = parse(`${before}${text}${close}})`, { ...options, sourceType }).body;
      const wrapper = outer?.type === 'ExpressionStatement' ? outer.expression : undefined;
      const inner = wrapper?.type === 'FunctionExpression' ? wrapper.body.body[0] : undefined;
      return inner?.type === 'ExpressionStatement' ? { node: inner.expression, offset: before.length } : undefined;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** Offset of the next `(` that is in no comment. */
function openingParenthesis(text: string, from: number): number {
  const comments = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|\(/g;
  comments.lastIndex = from;
  for (let match = comments.exec(text); match !== null; match = comments.exec(text)) {
    if (match[0] === '(') return match.index;
  }
  return from;
}

function keyBrackets(text: string, start: number, end: number): readonly [number, number] {
  return [text.lastIndexOf('[', start), text.indexOf(']', end) + 1];
}

/** Whether the text is what V8 gives for functions that are not written in JavaScript, and for bound ones. */
export function isNativeText(text: string): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(text);
}
