import type { AnyNode, Expression, Pattern, Program, Statement } from 'acorn';
import { parseScript } from './parse-function.ts';
import { declaredNames, type Reference, walkReferences } from './references.ts';

/** What a module-level name of a script stands for, when it was imported. */
export interface ImportBinding {
  readonly specifier: string;
  readonly how: 'import' | 'require';
  /** Undefined: the variable is an object made around the module (by a bundler's or Vite's interop), key by key. */
  readonly path: readonly string[] | undefined;
}

/** `accumulate`: only by adding to it, a result that would stay in the worker. `reset`: also anew (a cache, a cursor). */
export type VariableWrites = 'accumulate' | 'reset';

interface ScriptFacts {
  readonly imports: ReadonlyMap<string, ImportBinding>;
  readonly declared: ReadonlySet<string>;
  readonly neverUndefined: ReadonlySet<string>;
  readonly isStrict: boolean;
}

/** What the whole text of a script says about its module-level variables. Parsed when first asked, and not kept. */
export class ScriptBindings {
  readonly #source: () => string;
  readonly #isModule: boolean;
  #known: ScriptFacts | undefined;
  #writes: ReadonlyMap<string, VariableWrites> | undefined;

  constructor(source: () => string, isModule: boolean) {
    this.#source = source;
    this.#isModule = isModule;
  }

  /** By local name. */
  imports(): ReadonlyMap<string, ImportBinding> {
    return this.#facts().imports;
  }

  /** Whether the script declares the name at its top, or its module system does. */
  declares(name: string): boolean {
    return this.#facts().declared.has(name) || wrapperName.test(name);
  }

  /** Whether the name is declared with a value that is never undefined: a function, class, literal or object. */
  isNeverUndefined(name: string): boolean {
    return this.#facts().neverUndefined.has(name);
  }

  /** Whether the script begins with 'use strict' or is a module. */
  isStrict(): boolean {
    return this.#facts().isStrict;
  }

  /** Whether the script is a block in a function, as Vite wraps a module: a `var` of the module is outside of the block, all else in it. */
  isBlockInFunction(): boolean {
    return !this.#isModule && /^[^{]*\{\s*\{/.test(this.#source());
  }

  /** How functions of the script assign a module-level variable; undefined when none does. */
  writes(name: string): VariableWrites | undefined {
    this.#writes ??= writesInFunctions(this.#parse());
    return this.#writes.get(name);
  }

  #facts(): ScriptFacts {
    this.#known ??= readFacts(this.#parse(), this.#isModule);
    return this.#known;
  }

  #parse(): Program {
    return unwrapped(parse(this.#source(), this.#isModule));
  }
}

/** The parameters of the functions that CommonJS and Vite put around a module. */
export const wrapperName: RegExp = /^(require|module|exports|__filename|__dirname|__vi.*)$/;

function readFacts(program: Program, isModule: boolean): ScriptFacts {
  const [first] = program.body;
  const imports = new Map<string, ImportBinding>();
  for (const statement of program.body)
    for (const [name, binding] of importsOf(statement, imports)) imports.set(name, binding);
  return {
    imports,
    declared: new Set(declaredNames(program)),
    neverUndefined: new Set(program.body.flatMap(neverUndefinedNames)),
    isStrict: isModule || (first?.type === 'ExpressionStatement' && first.directive === 'use strict'),
  };
}

const definedExpressions =
  /^(Literal|TemplateLiteral|ArrowFunctionExpression|FunctionExpression|ClassExpression|ObjectExpression|ArrayExpression|NewExpression)$/;

function neverUndefinedNames(statement: AnyNode): readonly string[] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  if (declaration?.type === 'ClassDeclaration') return declaration.id ? [declaration.id.name] : [];
  if (declaration?.type !== 'VariableDeclaration' || declaration.kind !== 'const') return [];
  return declaration.declarations.flatMap(({ id, init }) =>
    id.type === 'Identifier' && init && definedExpressions.test(init.type) ? [id.name] : [],
  );
}

function parse(source: string, isModule: boolean): Program {
  try {
    return parseScript(source, isModule);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Not JavaScript as acorn knows it (a newer proposal that V8 has): nothing is known about the names of the script.
    return parseScript('', false);
  }
}

/** The program without the function that Vite or a bundler wraps around a module. */
function unwrapped(program: Program): Program {
  const body = program.body.flatMap((statement): Program['body'] => {
    if (statement.type !== 'ExpressionStatement') return [statement];
    const { expression } = statement;
    const wrapper = expression.type === 'CallExpression' ? expression.callee : expression;
    if (wrapper.type !== 'ArrowFunctionExpression' && wrapper.type !== 'FunctionExpression') return [statement];
    return wrapper.body.type === 'BlockStatement' ? [...flatBlocks(wrapper.body.body)] : [];
  });
  return { ...program, body };
}

function flatBlocks(statements: readonly Statement[]): readonly Statement[] {
  return statements.flatMap((one) => (one.type === 'BlockStatement' ? flatBlocks(one.body) : [one]));
}

/** @param known what stands above: `import a, * as b` becomes `const b_1 = __importStar(require(...)), b = b_1` in CommonJS */
function* importsOf(statement: AnyNode, known: ReadonlyMap<string, ImportBinding>): Iterable<[string, ImportBinding]> {
  if (statement.type === 'ImportDeclaration') {
    const specifier = String(statement.source.value);
    for (const one of statement.specifiers) {
      let path: readonly string[] = [];
      if (one.type === 'ImportDefaultSpecifier') path = ['default'];
      if (one.type === 'ImportSpecifier')
        path = [one.imported.type === 'Identifier' ? one.imported.name : String(one.imported.value)];
      yield [one.local.name, { specifier, how: 'import', path }];
    }
  }
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  if (declaration?.type !== 'VariableDeclaration') return;
  for (const { id, init } of declaration.declarations) {
    const isAlias = declaration.kind === 'const' && init?.type === 'Identifier';
    const module = isAlias ? known.get(init.name) : init && moduleExpression(init);
    if (module) yield* patternImports(id, module);
  }
}

function* patternImports(pattern: Pattern, module: ImportBinding): Iterable<[string, ImportBinding]> {
  if (pattern.type === 'Identifier') yield [pattern.name, module];
  if (pattern.type !== 'ObjectPattern' || module.path === undefined) return;
  for (const property of pattern.properties) {
    if (property.type !== 'Property' || property.computed || property.value.type !== 'Identifier') continue;
    if (property.key.type === 'Identifier')
      yield [property.value.name, { ...module, path: [...module.path, property.key.name] }];
  }
}

/** `require('x')`, `require('x').y`, `await import('x')`, `__toESM(require('x'))`, `await __vite_ssr_import__('x')`. */
function moduleExpression(expression: Expression): ImportBinding | undefined {
  switch (expression.type) {
    case 'AwaitExpression':
      return moduleExpression(expression.argument);
    case 'ImportExpression': {
      const specifier = stringValue(expression.source);
      return specifier === undefined ? undefined : { specifier, how: 'import', path: [] };
    }
    case 'MemberExpression': {
      const { object, property } = expression;
      const module = object.type === 'Super' ? undefined : moduleExpression(object);
      if (module?.path === undefined || expression.computed || property.type !== 'Identifier') return undefined;
      return { ...module, path: [...module.path, property.name] };
    }
    case 'CallExpression': {
      const { callee } = expression;
      const [first] = expression.arguments;
      if (callee.type !== 'Identifier' || first === undefined || first.type === 'SpreadElement') return undefined;
      const specifier = stringValue(first);
      if (specifier !== undefined) {
        if (callee.name === 'require') return { specifier, how: 'require', path: [] };
        return /^__vi(te_ssr)?_import/.test(callee.name) ? { specifier, how: 'import', path: undefined } : undefined;
      }
      // An interop wrapper: __toESM, _interopRequireDefault, __importStar.
      const inner = first.type === 'CallExpression' ? moduleExpression(first) : undefined;
      return inner?.how === 'require' && callee.name.startsWith('_') ? { ...inner, path: undefined } : undefined;
    }
    default:
      return undefined;
  }
}

function stringValue(node: AnyNode): string | undefined {
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined;
}

function writesInFunctions(program: Program): ReadonlyMap<string, VariableWrites> {
  const writes = new Map<string, VariableWrites>();
  walkReferences(program, {
    reference(reference) {
      const { identifier, binding, write, ancestors } = reference;
      if (write === undefined || binding?.scope !== program || !ancestors.some(isFunction)) return;
      const before = writes.get(identifier.name);
      if (before !== 'reset') writes.set(identifier.name, accumulates(reference) ? 'accumulate' : 'reset');
    },
  });
  return writes;
}

/** `n++`, `n += x`, `n = n + x`: the new value needs the old one. */
function accumulates({ identifier, write, ancestors }: Reference): boolean {
  if (write !== '=') return write !== undefined && !lazyOperators.has(write);
  const assignment = ancestors.at(-1);
  if (assignment?.type !== 'AssignmentExpression') return false;
  let isSelfReferring = false;
  walkReferences(assignment.right, {
    reference(inner) {
      isSelfReferring ||= inner.identifier.name === identifier.name;
    },
  });
  return isSelfReferring;
}

const lazyOperators: ReadonlySet<string> = new Set(['??=', '||=', '&&=', 'for']);

function isFunction(node: AnyNode): boolean {
  return /^(Function|ArrowFunction)/.test(node.type);
}
