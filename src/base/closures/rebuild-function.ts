import { Script } from 'node:vm';
import { defined } from '../defined.ts';
import { reviveName, setPrivateName, setStaticName } from './function-draft.ts';
import { userImports } from './module-loader.ts';
import type { FunctionNode } from './payload.ts';
import type { UserFunction } from './user-function.ts';

/** What a compiled text gives: the function, and a setter for variables whose values are made after it. */
export interface MadeFunction {
  readonly fn: UserFunction;
  readonly setLate: (values: readonly unknown[]) => void;
  /** Sets a class's static private fields, by name. */
  readonly setStaticPrivate: PrivateSetter | undefined;
  /** Makes an object with this prototype as the class would, but without running its constructor's body. */
  readonly revive: ((prototype: object | null) => object) | undefined;
  /** Sets the private fields of an object that `revive` made. */
  readonly setPrivate: PrivateSetter | undefined;
}

type PrivateSetter = (values: Readonly<Record<string, unknown>>, object?: object) => void;

/** The variable that a class initialises its last field with: takes the object, and stops the constructor. */
interface ReviveHook {
  hook: ((object: object) => never) | undefined;
}

type Factory = (...values: readonly unknown[]) => [made: object, setLate: (values: readonly unknown[]) => void];

/** Compiled texts, oldest first: a repeated action, or closures made by one line, compile only once. */
const factories = new Map<string, Factory>();
const factoriesKept = 512;

/**
 * Evaluates a function's text at its place in the user's file, inside a function whose parameters are its variables.
 *
 * @param late names of variables that are set afterwards, in the order of `setLate`'s values
 * @param homePrototype what `super` in a method refers to
 */
export function makeFunction(
  node: FunctionNode,
  early: readonly (readonly [name: string, value: unknown])[],
  late: readonly string[],
  homePrototype: object | null | undefined,
): MadeFunction {
  const hook: ReviveHook | undefined = node.privateFields && { hook: undefined };
  const variables = hook === undefined ? early : [...early, [reviveName, hook] as const];
  const factory = factoryFor(
    node,
    variables.map(([name]) => name),
    late,
  );
  const [made, setLate] = factory(...variables.map(([, value]) => value));
  if (homePrototype !== undefined) Object.setPrototypeOf(made, homePrototype);
  const fn = node.form === 'method' ? methodOf(made) : (made as UserFunction);
  const setStaticPrivate = takeSetter(fn, setStaticName);
  const setPrivate = takeSetter(fn, setPrivateName);
  if (fn.name !== node.name) Object.defineProperty(fn, 'name', { value: node.name, configurable: true });
  const revive = hook && ((prototype: object | null): object => reviveObject(fn, prototype, hook));
  return { fn, setLate, setStaticPrivate, setPrivate, revive };
}

/** Static methods that the text was given are used once and then are not there. */
function takeSetter(fn: UserFunction, name: string): PrivateSetter | undefined {
  const property: unknown = Object.getOwnPropertyDescriptor(fn, name)?.value;
  if (typeof property !== 'function') return undefined;
  Reflect.deleteProperty(fn, name);
  return (values, object) => {
    Reflect.apply(property, fn, [values, object]);
  };
}

function reviveObject(fn: UserFunction, prototype: object | null, hook: ReviveHook): object {
  const stop = new Error('an object is revived');
  let revived: object | undefined;
  hook.hook = (object) => {
    revived = object;
    throw stop;
  };
  try {
    const newTarget = Object.defineProperty(function target() {}, 'prototype', { value: prototype });
    Reflect.construct(fn, [], newTarget);
  } catch (error) {
    if (error !== stop) throw error;
  } finally {
    hook.hook = undefined;
  }
  return defined(revived, `the revived object of class ${fn.name}`);
}

/** The one method, getter or setter of an object made from its text. */
function methodOf(holder: object): UserFunction {
  const [property] = Object.values(Object.getOwnPropertyDescriptors(holder));
  return (property?.value ?? property?.get ?? property?.set) as UserFunction;
}

function factoryFor(node: FunctionNode, early: readonly string[], late: readonly string[]): Factory {
  const { file, line, column } = node.position;
  const key = JSON.stringify([node.text, file, line, column, node.strict, early, late]);
  const known = factories.get(key);
  if (known !== undefined) return known;
  const factory = compile(node, early, late);
  const oldest = factories.keys().next();
  if (factories.size >= factoriesKept && !oldest.done) factories.delete(oldest.value);
  factories.set(key, factory);
  return factory;
}

/** Names of our own in the wrapper, with a letter that no user writes. */
const madeName = '\u2133made';
const valuesName = '\u2133values';

function compile(
  { text, form, strict, position }: FunctionNode,
  early: readonly string[],
  late: readonly string[],
): Factory {
  const declared = late.length === 0 ? '' : `let ${late.join()};`;
  const [open, close] = form === 'expression' ? ['(', ')'] : ['{', '}'];
  const head = `(function(${early.join()}){${strict ? '"use strict";' : ''}${declared}const ${madeName}=${open}`;
  const set = late.map((name, index) => `${name}=${valuesName}[${index}];`).join('');
  const source = `${head}${text}${close};return [${madeName},${valuesName}=>{${set}}]})`;
  const script = new Script(source, {
    filename: position.file,
    lineOffset: position.line,
    columnOffset: position.column - head.length,
    importModuleDynamically: userImports,
  });
  return script.runInThisContext() as Factory;
}
