/** Index of a {@link ClosureNode} in {@link ClosurePayload.nodes}. */
export type NodeIndex = number;

/** Enumerable 1, writable 2, configurable 4. */
export type PropertyFlags = number;
export const everyFlag: PropertyFlags = 7;

export type PropertyNode =
  | { readonly key: string | NodeIndex; readonly flags: PropertyFlags; readonly value: NodeIndex }
  | {
      readonly key: string | NodeIndex;
      readonly flags: PropertyFlags;
      readonly get: NodeIndex | undefined;
      readonly set: NodeIndex | undefined;
    };

/** `preventExtensions`, `seal` or `freeze`, done last. */
export type Integrity = 'fixed' | 'sealed' | 'frozen';

/** What every node that is an object of its own may carry beyond its contents. */
export interface ObjectParts {
  /** Present when it is not the usual one of the kind; null for none. */
  readonly prototype?: NodeIndex | null;
  readonly properties: readonly PropertyNode[];
  readonly integrity?: Integrity;
}

/** A module as the user's file named it: a package or a builtin, loaded anew in the worker. */
export interface ModuleRef {
  /** URL or path of the file that imports, from which `specifier` is resolved. */
  readonly base: string;
  readonly specifier: string;
  readonly how: 'import' | 'require';
}

/** Where the text of a function stood. Line and column start at 0 and are those of the text's first character. */
export interface TextPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An object with private fields, or with fields that only its class can initialise (arrows that use `this`). */
export interface InstanceNode {
  readonly class: NodeIndex;
  readonly privateValues: readonly (readonly [name: string, value: NodeIndex])[];
  /** Fields left as the class initialises them. */
  readonly initialised: readonly string[];
}

export interface FunctionNode extends ObjectParts {
  readonly kind: 'function';
  readonly text: string;
  /** `expression`: stands by itself; `method`: a method, getter or setter, needs an object around it. */
  readonly form: 'expression' | 'method';
  readonly strict: boolean;
  readonly name: string;
  readonly position: TextPosition;
  readonly variables: readonly (readonly [name: string, value: NodeIndex])[];
  /** The variable that holds what a class extends: needed when the class is made. */
  readonly heritage?: string;
  /** Own properties of `fn.prototype` (without `constructor`) where the text does not make them. */
  readonly prototypeProperties: readonly PropertyNode[];
  /** Prototype of `fn.prototype` where it is not Object.prototype and the text does not set it. */
  readonly prototypeParent?: NodeIndex | null;
  /** Values of a class's static private fields, set after the class is made. */
  readonly staticPrivate: readonly (readonly [name: string, value: NodeIndex])[];
  /** A class with objects in the payload that only its own text can make: see {@link InstanceNode}. */
  readonly privateFields?: readonly string[];
  /** For a method that uses `super`: the prototype of the object it belongs to. */
  readonly homePrototype?: NodeIndex | null;
}

/** One value of a captured graph. Nodes refer to each other by index, so cycles and shared identity survive. */
export type ClosureNode =
  /** `index` in the snapshot: everything that is plain data. */
  | { readonly kind: 'data'; readonly index: number }
  | { readonly kind: 'global'; readonly path: readonly string[] }
  | { readonly kind: 'symbol'; readonly description: string | undefined }
  | { readonly kind: 'registeredSymbol'; readonly key: string }
  | ({ readonly kind: 'import'; readonly path: readonly string[] } & ModuleRef)
  | { readonly kind: 'require'; readonly base: string }
  | { readonly kind: 'dynamicImport'; readonly base: string }
  | { readonly kind: 'importMeta'; readonly base: string }
  | { readonly kind: 'keepName' }
  /** A built-in object with hidden state, made again from its arguments: URL, Intl.NumberFormat. */
  | { readonly kind: 'construct'; readonly constructor: readonly string[]; readonly args: NodeIndex }
  | { readonly kind: 'revived'; readonly reviver: string; readonly data: NodeIndex }
  | { readonly kind: 'property'; readonly of: NodeIndex; readonly key: string | NodeIndex }
  /** A module-level variable that shipped functions assign: one box for all of them. */
  | { readonly kind: 'box'; readonly value: NodeIndex }
  | {
      readonly kind: 'bound';
      readonly target: NodeIndex;
      readonly self: NodeIndex;
      readonly args: readonly NodeIndex[];
    }
  | { readonly kind: 'sharedBuffer'; readonly shared: number }
  | {
      readonly kind: 'view';
      readonly constructor: string;
      readonly buffer: NodeIndex;
      readonly byteOffset: number;
      readonly length: number;
    }
  | { readonly kind: 'nodeBuffer'; readonly bytes: NodeIndex }
  | ({ readonly kind: 'object'; readonly instance?: InstanceNode } & ObjectParts)
  | ({ readonly kind: 'array'; readonly length: number } & ObjectParts)
  | ({ readonly kind: 'map'; readonly entries: readonly (readonly [NodeIndex, NodeIndex])[] } & ObjectParts)
  | ({ readonly kind: 'set'; readonly values: readonly NodeIndex[] } & ObjectParts)
  | ({ readonly kind: 'error'; readonly stack: string | undefined } & ObjectParts)
  /** Data with a hidden slot (Date, RegExp, typed array) plus properties or a prototype that data cannot carry. */
  | ({ readonly kind: 'dressed'; readonly data: NodeIndex } & ObjectParts)
  | FunctionNode;

/** An ArrayBuffer of 256 KB or more: its bytes are in `shared`. */
export interface LargeBuffer {
  readonly shared: number;
  /** Proven never written by the shipped functions, so that all workers may look at the same memory. */
  readonly readOnly: boolean;
}

/**
 * The functions of a stage and all they captured, as plain data for `postMessage`. A snapshot: nothing in it changes
 * when the program goes on.
 *
 * Only `shared` holds shared memory, so a payload without it can leave the process.
 */
export interface ClosurePayload {
  readonly nodes: readonly ClosureNode[];
  /** The node of each function, in the order they were given. */
  readonly roots: readonly NodeIndex[];
  /** Whether each function is declared async (an async function or an async generator). */
  readonly isAsync: readonly boolean[];
  /**
   * Whether the functions could change what they captured, so that each try of a task needs functions of its own. False where that is
   * 256 KB or more: like a broadcast value, it is kept for all tasks of a worker, and must not be changed.
   */
  readonly keepsState: boolean;
  /** All plain data, serialised at once by V8; a number is an index into `shared`. */
  readonly data: Uint8Array | number;
  readonly largeBuffers: readonly LargeBuffer[];
  readonly shared: readonly SharedArrayBuffer[];
}
