import type {
  AnyNode,
  ArrayPattern,
  AssignmentPattern,
  Identifier,
  Node,
  ObjectPattern,
  Pattern,
  Program,
  RestElement,
} from 'acorn';

/** A pattern that holds others. */
type PatternWithParts = ObjectPattern | ArrayPattern | AssignmentPattern | RestElement;

/** The node that declares a name: a parameter, variable, function, class, import or catch parameter. */
export interface Binding {
  readonly name: string;
  readonly kind: 'parameter' | 'variable' | 'function' | 'class' | 'import' | 'arguments';
  /** The function, block, class or program whose scope holds it. */
  readonly scope: AnyNode;
}

/** `=`, `+=`, `??=`, `++`, `for`: how an identifier is assigned. */
export type WriteOperator = string;

export interface Reference {
  readonly identifier: Identifier;
  /** Undefined when nothing inside the walked tree declares the name: it is free. */
  readonly binding: Binding | undefined;
  readonly write: WriteOperator | undefined;
  /** From the root to the parent. Valid during the call only. */
  readonly ancestors: readonly AnyNode[];
}

export interface ReferenceVisitor {
  reference?(reference: Reference): void;
  /** Every node before its children; `false` leaves the children out. */
  enter?(node: AnyNode, ancestors: readonly AnyNode[]): boolean | undefined;
}

/** Whether the node makes its own `this`, `arguments` and `new.target`. */
export function isPlainFunction(node: AnyNode): boolean {
  return node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration';
}

/** Visits every use of a name under `root` with the declaration it belongs to. Types and comments do not exist here. */
export function walkReferences(root: AnyNode, visitor: ReferenceVisitor): void {
  new ReferenceWalk(visitor).visit(root);
}

/** The names a pattern declares, in order: `{ a, b: [c = 1], ...d }` gives a, c, d. */
function patternNames(pattern: Pattern | null | undefined): string[] {
  if (pattern === null || pattern === undefined) return [];
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        patternNames(property.type === 'RestElement' ? property.argument : property.value),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => patternNames(element));
    case 'AssignmentPattern':
      return patternNames(pattern.left);
    case 'RestElement':
      return patternNames(pattern.argument);
    case 'MemberExpression':
      return [];
  }
}

/** The direct children of a node, in the order of the text. */
function childNodes(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) children.push(...value.filter(isNode));
    else if (isNode(value)) children.push(value);
  }
  return children;
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

type FunctionLike = Extract<
  AnyNode,
  { type: 'FunctionExpression' | 'FunctionDeclaration' | 'ArrowFunctionExpression' }
>;
type ClassLike = Extract<AnyNode, { type: 'ClassExpression' | 'ClassDeclaration' }>;

class ReferenceWalk {
  readonly #visitor: ReferenceVisitor;
  readonly #scopes: Map<string, Binding>[] = [];
  readonly #ancestors: AnyNode[] = [];

  constructor(visitor: ReferenceVisitor) {
    this.#visitor = visitor;
  }

  visit(node: AnyNode | null | undefined): void {
    if (node === null || node === undefined) return;
    if (this.#visitor.enter?.(node, this.#ancestors) === false) return;
    if (node.type === 'Identifier') {
      this.#use(node, undefined);
      return;
    }
    this.#ancestors.push(node);
    this.#children(node);
    this.#ancestors.pop();
  }

  #children(node: AnyNode): void {
    switch (node.type) {
      case 'FunctionExpression':
      case 'FunctionDeclaration':
      case 'ArrowFunctionExpression':
        this.#function(node);
        return;
      case 'ClassExpression':
      case 'ClassDeclaration':
        this.#class(node);
        return;
      case 'Program':
      case 'BlockStatement':
      case 'StaticBlock': {
        const names = lexicalBindings(node.body, node);
        if (node.type !== 'BlockStatement') names.push(...hoistedBindings(node, node));
        this.#scoped(names, () => this.#all(node.body));
        return;
      }
      case 'SwitchStatement':
        this.visit(node.discriminant);
        this.#scoped(
          node.cases.flatMap((one) => lexicalBindings(one.consequent, node)),
          () => this.#all(node.cases),
        );
        return;
      case 'ForStatement':
        this.#scoped(lexicalBindings([node.init], node), () =>
          this.#all([node.init, node.test, node.update, node.body]),
        );
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        this.#scoped(lexicalBindings([node.left], node), () => {
          if (node.left.type === 'VariableDeclaration') this.visit(node.left);
          else this.#assign(node.left, 'for');
          this.#all([node.right, node.body]);
        });
        return;
      case 'CatchClause':
        this.#scoped(
          patternNames(node.param).map((name) => ({ name, kind: 'variable', scope: node })),
          () => {
            this.#declare(node.param);
            this.visit(node.body);
          },
        );
        return;
      case 'VariableDeclarator':
        this.#declare(node.id);
        this.visit(node.init);
        return;
      case 'AssignmentExpression':
        this.#assign(node.left, node.operator);
        this.visit(node.right);
        return;
      case 'UpdateExpression':
        this.#assign(node.argument as Pattern, node.operator);
        return;
      case 'MemberExpression':
        this.visit(node.object);
        if (node.computed || node.property.type === 'PrivateIdentifier') this.visit(node.property);
        return;
      case 'Property':
      case 'PropertyDefinition':
      case 'MethodDefinition':
        if (node.computed) this.visit(node.key);
        this.visit(node.value);
        return;
      case 'LabeledStatement':
        this.visit(node.body);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return;
      case 'ExportNamedDeclaration':
        this.visit(node.declaration);
        return;
      default:
        this.#all(childNodes(node));
    }
  }

  #function(node: FunctionLike): void {
    const body = node.body;
    const bindings: Binding[] = node.params
      .flatMap((parameter) => patternNames(parameter))
      .map((name) => ({ name, kind: 'parameter', scope: node }));
    if (isPlainFunction(node)) bindings.unshift({ name: 'arguments', kind: 'arguments', scope: node });
    if (node.type === 'FunctionExpression' && node.id)
      bindings.unshift({ name: node.id.name, kind: 'function', scope: node });
    if (body.type === 'BlockStatement')
      bindings.push(...hoistedBindings(body, node), ...lexicalBindings(body.body, node));
    this.#scoped(bindings, () => {
      for (const parameter of node.params) this.#declare(parameter);
      this.visit(body);
    });
  }

  #class(node: ClassLike): void {
    const bindings: Binding[] = node.id ? [{ name: node.id.name, kind: 'class', scope: node }] : [];
    this.#scoped(bindings, () => {
      this.visit(node.superClass);
      this.visit(node.body);
    });
  }

  #all(nodes: readonly (AnyNode | null | undefined)[]): void {
    for (const node of nodes) this.visit(node);
  }

  #scoped(bindings: readonly Binding[], walk: () => void): void {
    this.#scopes.push(new Map(bindings.map((binding) => [binding.name, binding])));
    walk();
    this.#scopes.pop();
  }

  /** A declaring pattern: its names are no uses, but defaults and computed keys are code. */
  #declare(pattern: Pattern | null | undefined): void {
    this.#pattern(pattern, undefined);
  }

  #assign(pattern: Pattern, operator: WriteOperator): void {
    this.#pattern(pattern, operator);
  }

  #pattern(pattern: Pattern | null | undefined, write: WriteOperator | undefined): void {
    if (pattern === null || pattern === undefined) return;
    switch (pattern.type) {
      case 'Identifier':
        if (write !== undefined) this.#use(pattern, write);
        return;
      case 'MemberExpression':
        this.visit(pattern);
        return;
      case 'ObjectPattern':
      case 'ArrayPattern':
      case 'AssignmentPattern':
      case 'RestElement':
        this.#ancestors.push(pattern);
        this.#parts(pattern, write);
        this.#ancestors.pop();
    }
  }

  #parts(pattern: PatternWithParts, write: WriteOperator | undefined): void {
    switch (pattern.type) {
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') {
            this.#pattern(property.argument, write);
            continue;
          }
          this.#ancestors.push(property);
          if (property.computed) this.visit(property.key);
          this.#pattern(property.value, write);
          this.#ancestors.pop();
        }
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements) this.#pattern(element, write);
        return;
      case 'AssignmentPattern':
        this.#pattern(pattern.left, write);
        this.visit(pattern.right);
        return;
      case 'RestElement':
        this.#pattern(pattern.argument, write);
    }
  }

  #use(identifier: Identifier, write: WriteOperator | undefined): void {
    const scope = this.#scopes.findLast((names) => names.has(identifier.name));
    const binding = scope?.get(identifier.name);
    this.#visitor.reference?.({ identifier, binding, write, ancestors: this.#ancestors });
  }
}

/** The names that a program or module declares at its top, imports included. */
export function declaredNames(program: Program): readonly string[] {
  return [...lexicalBindings(program.body, program), ...hoistedBindings(program, program)].map(({ name }) => name);
}

/** let, const, class, function and import declarations that stand directly in `statements`. */
function lexicalBindings(statements: readonly (AnyNode | null | undefined)[], scope: AnyNode): Binding[] {
  return statements.flatMap((statement): Binding[] => {
    const node = statement?.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    switch (node?.type) {
      case 'VariableDeclaration':
        if (node.kind === 'var') return [];
        return node.declarations
          .flatMap((one) => patternNames(one.id))
          .map((name) => ({ name, kind: 'variable', scope }));
      case 'FunctionDeclaration':
      case 'ClassDeclaration':
        return node.id
          ? [{ name: node.id.name, kind: node.type === 'ClassDeclaration' ? 'class' : 'function', scope }]
          : [];
      case 'ImportDeclaration':
        return node.specifiers.map((specifier) => ({ name: specifier.local.name, kind: 'import', scope }));
      case 'ExportDefaultDeclaration': {
        const { declaration } = node;
        const named = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
        return named && declaration.id ? [{ name: declaration.id.name, kind: 'function', scope }] : [];
      }
      default:
        return [];
    }
  });
}

/** `var` declarations anywhere below `node`, up to the next function. */
function hoistedBindings(node: AnyNode, scope: AnyNode): Binding[] {
  if (node.type === 'VariableDeclaration' && node.kind === 'var')
    return node.declarations.flatMap((one) => patternNames(one.id)).map((name) => ({ name, kind: 'variable', scope }));
  const found: Binding[] = [];
  for (const child of childNodes(node)) {
    if (child.type === 'ArrowFunctionExpression' || child.type === 'ClassBody' || isPlainFunction(child)) continue;
    found.push(...hoistedBindings(child, scope));
  }
  return found;
}
