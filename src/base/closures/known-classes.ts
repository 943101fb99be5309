import { analyzeFunction, type FunctionAnalysis } from './analyze.ts';
import type { BuiltinExports } from './builtin-modules.ts';
import type { FunctionReader } from './function-reader.ts';
import { isNativeText } from './parse-function.ts';
import type { UserFunction } from './user-function.ts';

/** A class or constructor function that is above an object. */
export interface KnownClass {
  readonly made: UserFunction;
  /** Undefined for a class of Node or of the language, whose objects have state that JavaScript cannot see. */
  readonly analysis: FunctionAnalysis | undefined;
}

/** What is known about the classes of captured objects, which are far fewer than the objects. */
export class KnownClasses {
  readonly #reader: FunctionReader;
  readonly #builtins: BuiltinExports;
  readonly #known = new WeakMap<UserFunction, KnownClass>();

  constructor(reader: FunctionReader, builtins: BuiltinExports) {
    this.#reader = reader;
    this.#builtins = builtins;
  }

  get(made: UserFunction): KnownClass {
    const known = this.#known.get(made) ?? this.#find(made);
    this.#known.set(made, known);
    return known;
  }

  #find(made: UserFunction): KnownClass {
    const text = Function.prototype.toString.call(made);
    const isForeign =
      isNativeText(text) ||
      this.#builtins.find(made) !== undefined ||
      this.#reader.read(made).script.url.startsWith('node:');
    return { made, analysis: isForeign ? undefined : analyzeFunction(text) };
  }
}
