import { Session } from 'node:inspector';
import { scriptPath } from '../source-position.ts';

/** One level of the variables around a function, innermost first. */
export interface VariableScope {
  /** As V8 says it: `Closure (outer)`, `Block`, `Module`, `Script`. */
  readonly description: string;
  /** A copy of the variables at the moment of asking. Reading one in its dead zone throws from Node 22. */
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface FunctionLocation {
  readonly scriptId: string;
  /** From 0. For arrows the start of the text, else the `(` before the parameters. */
  readonly line: number;
  readonly column: number;
}

export interface InspectedFunction {
  readonly location: FunctionLocation | undefined;
  /** Innermost first; without the global object. */
  readonly scopes: readonly VariableScope[];
  readonly bound: { readonly target: unknown; readonly self: unknown; readonly args: readonly unknown[] } | undefined;
}

export interface InspectedScript {
  /** A `file:` URL for ES modules, a path for CommonJS, empty for code made at run time. */
  readonly url: string;
  readonly isModule: boolean;
}

/** A value as the protocol names it. */
interface RemoteValue {
  readonly type: string;
  readonly objectId?: string;
  readonly value?: unknown;
  readonly unserializableValue?: string;
}
interface NamedRemoteValue {
  readonly name: string;
  readonly value?: RemoteValue;
}

interface DescribedProperties {
  readonly result: readonly NamedRemoteValue[];
  readonly internalProperties?: readonly NamedRemoteValue[];
  readonly privateProperties?: readonly NamedRemoteValue[];
}

const valuesToTake = ['[[Scopes]]', '[[TargetFunction]]', '[[BoundThis]]', '[[BoundArgs]]'] as const;
const slotKey = Symbol.for('millrace.inspect');
/** Values cross between the program and the protocol here. */
interface Slot {
  given: unknown;
  taken: readonly unknown[];
}

/** The slot of this thread. Two copies of millrace in a program share it: each use of it is synchronous. */
function sharedSlot(): Slot {
  const known: unknown = Reflect.get(process, slotKey);
  if (known !== undefined) return known as Slot;
  const slot: Slot = { given: undefined, taken: [] };
  Object.defineProperty(process, slotKey, { value: slot });
  return slot;
}

const objectGroup = 'millrace';
const giveExpression = 'process[Symbol.for("millrace.inspect")].given';
const takeDeclaration = 'function (...values) { process[Symbol.for("millrace.inspect")].taken = values; }';

/**
 * Reads what JavaScript hides (captured variables, bound arguments, private fields) through an inspector session of
 * this very thread. Every call is synchronous.
 *
 * The debugger agent is enabled only between the first {@link script} and {@link disableDebugger}: left on, `await` is
 * 8.7 times slower. Objects held for the protocol are released before each call returns.
 */
export class Inspector {
  readonly #session: Session = new Session();
  readonly #slot: Slot = sharedSlot();
  readonly #scripts = new Map<string, InspectedScript>();
  #isDebuggerEnabled = false;

  /** @throws what `node:inspector` throws where it is refused, as under `--experimental-permission` */
  constructor() {
    this.#session.connect();
    this.#session.on('Debugger.scriptParsed', ({ params }) => {
      const isModule = params.isModule === true;
      // Node's inspector makes URLs of the paths of CommonJS; stack traces keep paths.
      this.#scripts.set(params.scriptId, { url: isModule ? params.url : scriptPath(params.url), isModule });
    });
  }

  /** All at once is cheaper: 4 calls of the protocol of some 20 us, and 1 of 60 us for each function. */
  inspect(functions: readonly unknown[]): InspectedFunction[] {
    if (functions.length === 0) return [];
    return this.#hold(functions, (objectIds) => {
      const described = objectIds.map((objectId) => {
        const { internalProperties = [] } = this.#properties(objectId);
        return new Map(internalProperties.map(({ name, value }) => [name, value]));
      });
      const remotes = described.flatMap((properties) => valuesToTake.map((name) => properties.get(name)));
      const values = this.#take(remotes, objectIds[0] ?? '');
      return described.map((properties, index) => {
        const [scopes, target, self, args] = values.slice(
          index * valuesToTake.length,
          (index + 1) * valuesToTake.length,
        );
        return {
          location: locationOf(properties.get('[[FunctionLocation]]')?.value),
          scopes: scopesOf(scopes),
          bound: target === undefined ? undefined : { target, self, args: Array.from(args as unknown[]) },
        };
      });
    });
  }

  /** The private fields of an object or class, `#` included; of a subclass those of its parent come first. */
  privateFields(object: object): { readonly name: string; readonly value: unknown }[] {
    return this.#hold([object], ([objectId = '']) => {
      const { privateProperties = [] } = this.#properties(objectId);
      const fields = privateProperties.filter((field) => field.value !== undefined);
      const values = this.#take(
        fields.map((field) => field.value),
        objectId,
      );
      return fields.map(({ name }, index) => ({ name, value: values[index] }));
    });
  }

  script(scriptId: string): InspectedScript | undefined {
    if (!this.#scripts.has(scriptId)) this.#enableDebugger();
    return this.#scripts.get(scriptId);
  }

  scriptSource(scriptId: string): string {
    this.#enableDebugger();
    return (this.#post('Debugger.getScriptSource', { scriptId }) as { scriptSource: string }).scriptSource;
  }

  disableDebugger(): void {
    if (!this.#isDebuggerEnabled) return;
    this.#isDebuggerEnabled = false;
    this.#post('Debugger.disable', {});
  }

  #enableDebugger(): void {
    if (this.#isDebuggerEnabled) return;
    this.#isDebuggerEnabled = true;
    this.#scripts.clear(); // every living script is reported again
    this.#post('Debugger.enable', {});
  }

  #hold<T>(values: readonly unknown[], use: (objectIds: readonly string[]) => T): T {
    this.#slot.given = values;
    try {
      const { result } = this.#post('Runtime.evaluate', { expression: giveExpression, objectGroup }) as {
        result: RemoteValue;
      };
      const elements = this.#properties(result.objectId ?? '').result.slice(0, values.length);
      return use(elements.map(({ value }) => value?.objectId ?? ''));
    } finally {
      this.#slot.given = undefined;
      this.#slot.taken = [];
      this.#post('Runtime.releaseObjectGroup', { objectGroup });
    }
  }

  #properties(objectId: string): DescribedProperties {
    return this.#post('Runtime.getProperties', { objectId, ownProperties: true }) as DescribedProperties;
  }

  /** The values themselves of what the protocol described. */
  #take(remotes: readonly (RemoteValue | undefined)[], receiver: string): readonly unknown[] {
    this.#post('Runtime.callFunctionOn', {
      functionDeclaration: takeDeclaration,
      arguments: remotes.map((remote) => {
        if (remote?.objectId !== undefined) return { objectId: remote.objectId };
        if (remote?.unserializableValue !== undefined) return { unserializableValue: remote.unserializableValue };
        return { value: remote?.value };
      }),
      objectId: receiver,
      silent: true,
    });
    return this.#slot.taken;
  }

  #post(method: string, params: object): unknown {
    let failure: Error | null = null;
    let answer: unknown;
    this.#session.post(method, params, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw new Error(`inspector ${method}: ${(failure as Error).message}`, { cause: failure });
    return answer;
  }
}

function locationOf(value: unknown): FunctionLocation | undefined {
  if (value === undefined) return undefined;
  const { scriptId, lineNumber, columnNumber } = value as {
    scriptId: string;
    lineNumber: number;
    columnNumber?: number;
  };
  return { scriptId, line: lineNumber, column: columnNumber ?? 0 };
}

function scopesOf(value: unknown): VariableScope[] {
  if (value === undefined) return [];
  const scopes = Array.from(value as { description: string; object: Record<string, unknown> }[]);
  return scopes
    .filter(({ description }) => description !== 'Global')
    .map(({ description, object }) => ({ description, variables: object }));
}
