import {
  type AnyNode,
  type ArrowFunctionExpression,
  type ClassExpression,
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
  const statement = tryParse(`(${text})`);
  if (statement?.type !== 'ExpressionStatement') return undefined;
  const node = statement.expression;
  switch (node.type) {
    case 'ArrowFunctionExpression':
      return { text, form: 'expression', node, anchor: 0, computedKey: undefined, offset: 1 };
    case 'FunctionExpression': {
      const head = node.id === null || node.id === undefined ? node.start : node.id.end;
      return {
        text,
        form: 'expression',
        node,
        anchor: openingParenthesis(text, head - 1),
        computedKey: undefined,
        offset: 1,
      };
    }
    case 'ClassExpression': {
      const made = node.body.body.find((member) => member.type === 'MethodDefinition' && member.kind === 'constructor');
      const anchor = made?.type === 'MethodDefinition' ? made.value.start - 1 : 0;
      return { text, form: 'expression', node, anchor, computedKey: undefined, offset: 1 };
    }
    default:
      return undefined;
  }
}

function parseMethod(text: string): ParsedFunction {
  const statement = tryParse(`({${text}})`);
  const object = statement?.type === 'ExpressionStatement' ? statement.expression : undefined;
  const property = object?.type === 'ObjectExpression' ? object.properties[0] : undefined;
  if (property?.type !== 'Property' || property.value.type !== 'FunctionExpression')
    throw new SyntaxError(`this text is no function: ${text.slice(0, 80)}`);
  return {
    text,
    form: 'method',
    node: property.value,
    anchor: property.value.start - 2,
    computedKey: property.computed ? keyBrackets(text, property.key.start - 2, property.key.end - 2) : undefined,
    offset: 2,
  };
}

function tryParse(source: string): AnyNode | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      return parse(source, { ...options, sourceType }).body[0];
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
