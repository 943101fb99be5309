import { createReadStream } from 'node:fs';
import { Server, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import { SHIP, type ShipOrder, type Shippable } from '../../../src/base/closures/shippable.ts';
import type { UserFunction } from '../../../src/base/closures/user-function.ts';
import { MillraceError } from '../../../src/base/errors.ts';
import { dist, UserFolder } from './environments.ts';
import { counted } from './fixtures/helpers.ts';

const callSite = { file: '/app/etl.ts', line: 9, column: 5 };

/** The error that shipping the function gives; its message always begins with the operator and the user's line. */
function refusalOf(fn: UserFunction): string {
  try {
    captureClosures([{ fn, operator: 'map', callSite }]);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    expect(error.code).toBe('MR_CLOSURE_UNSHIPPABLE');
    expect(error.details).toEqual({ operator: 'map', file: '/app/etl.ts', line: 9 });
    expect(error.message).toMatch(/^map at etl\.ts:9: /);
    return error.message.slice('map at etl.ts:9: '.length);
  }
  return 'it travels';
}

/** What shipping gives before the declaration below has run. */
let tooEarly: unknown;
try {
  captureClosures([{ fn: () => declaredLater.k, operator: 'map', callSite }]);
} catch (error) {
  tooEarly = error;
}
const declaredLater = { k: 1 };

class Task {
  name(): string {
    return 'task';
  }
}
class Job extends Task {
  readonly k: number = 7;
  lexicalThis(): UserFunction {
    return (x: number) => x * this.k;
  }
  superCall(): UserFunction {
    return () => super.name();
  }
}
class Secret extends Task {
  #x = 1;
  get(): number {
    return this.#x;
  }
}
class Money extends Socket {}

const resource = 'which cannot travel to a worker. Open it inside mapPartitions.';

describe('what cannot travel is refused at once', () => {
  it("names a handle by the path in the user's variable", () => {
    const db = { socket: new Socket() };
    expect(refusalOf(() => db.socket.destroyed)).toBe(
      `the function captures "db" (db.socket is a Socket), ${resource}`,
    );
    const pool = { connections: [{ stream: new PassThrough() }] };
    expect(refusalOf(() => pool.connections.length)).toBe(
      `the function captures "pool" (pool.connections[0].stream is a PassThrough), ${resource}`,
    );
    const byName = new Map([['a b', { 'odd key': new Server() }]]);
    expect(refusalOf(() => byName.size)).toBe(
      `the function captures "byName" (byName.get("a b")["odd key"] is a Server), ${resource}`,
    );
    const set = new Set([new Money()]);
    expect(refusalOf(() => set.size)).toBe(`the function captures "set" (set (its item 1) is a Money), ${resource}`);
  });

  it('names a handle that is the variable itself', () => {
    const socket = new Socket();
    expect(refusalOf(() => socket.destroyed)).toBe(`the function captures "socket", a Socket, ${resource}`);
    const file = createReadStream('/dev/null');
    expect(refusalOf(() => file.path)).toBe(`the function captures "file", a ReadStream, ${resource}`);
    file.destroy();
    const timer = setTimeout(() => undefined, 0);
    expect(refusalOf(() => timer.hasRef())).toBe(`the function captures "timer", a Timeout, ${resource}`);
    clearTimeout(timer);
    const { port1 } = new MessageChannel();
    expect(refusalOf(() => port1.close())).toBe(`the function captures "port1", a MessagePort, ${resource}`);
    port1.close();
    const { signal } = new AbortController();
    expect(refusalOf(() => signal.aborted)).toBe(`the function captures "signal", an AbortSignal, ${resource}`);
  });

  it('names the functions on the way', () => {
    const db = { socket: new Socket() };
    const query = (x: number): boolean => db.socket.destroyed && x > 1;
    const rules = { keep: (x: number): boolean => query(x) };
    expect(refusalOf((x: number) => rules.keep(x))).toBe(
      `the function captures "db" through "rules.keep" and "query" (db.socket is a Socket), ${resource}`,
    );
    const socket = db.socket;
    const isOpen = (): boolean => socket.destroyed;
    expect(refusalOf(() => isOpen())).toBe(`the function captures "socket" through "isOpen", a Socket, ${resource}`);
  });

  it('names what the language cannot copy', () => {
    const promise = Promise.resolve(1);
    expect(refusalOf(() => promise)).toBe(
      'the function captures "promise", a Promise, which cannot travel to a worker. Await it first and capture its value.',
    );
    const caches = { weak: new WeakMap(), ref: new WeakRef({}), set: new WeakSet() };
    expect(refusalOf(() => caches.weak)).toBe(
      'the function captures "caches" (caches.weak is a WeakMap), which cannot travel to a worker. ' +
        'Use a Map or Set, or make it inside mapPartitions.',
    );
    const proxy = new Proxy({}, {});
    expect(refusalOf(() => proxy)).toBe(
      'the function captures "proxy", a Proxy, which cannot travel to a worker. Capture a plain copy of what it stands for.',
    );
    const running = (function* () {
      yield 1;
    })();
    expect(refusalOf(() => running.next())).toBe(
      'the function captures "running", a running generator, which cannot travel to a worker. Collect it into an array first.',
    );
    for (const iterator of [new Map([[1, 2]]).values(), [1].values(), 'a'[Symbol.iterator](), 'a'.matchAll(/a/g)])
      expect(refusalOf(() => iterator.next())).toBe(
        'the function captures "iterator", a running iterator, which cannot travel to a worker. Collect it into an array first.',
      );
    const boxed = Object(1) as object;
    expect(refusalOf(() => boxed)).toBe(
      'the function captures "boxed", a boxed primitive (Number), which cannot travel to a worker. Capture its valueOf().',
    );
    const { Memory } = Reflect.get(globalThis, 'WebAssembly') as { Memory: new (size: object) => object };
    const wasm = new Memory({ initial: 1 });
    expect(refusalOf(() => wasm)).toBe(`the function captures "wasm", a Memory, ${resource}`);
  });

  it('names an object whose private fields it cannot read', () => {
    const secret = new Secret();
    expect(refusalOf(() => secret.get())).toBe(
      'the function captures "secret", an object of class Secret with private members in a class that extends another, which cannot travel to a worker. ' +
        'Make it inside the function or mapPartitions, or use ordinary fields.',
    );
  });

  it('names a native function that no worker can find', () => {
    let resolve: UserFunction = () => undefined;
    void new Promise((settle) => {
      resolve = settle;
    });
    expect(refusalOf(resolve)).toBe(
      'the function is a native function, which cannot travel to a worker. Call it inside a function of your own.',
    );
  });

  it('names a variable whose declaration has not run', () => {
    expect(tooEarly).toMatchObject({
      code: 'MR_CLOSURE_UNSHIPPABLE',
      message:
        'map at etl.ts:9: the function captures "declaredLater", not initialised yet, which cannot travel to a worker. ' +
        'Call the action after its declaration has run.',
    });
    expect(refusalOf(() => declaredLater.k)).toBe('it travels');
  });

  it('lets an object say why not', () => {
    class FakeRdd implements Shippable {
      [SHIP](): ShipOrder {
        return { kind: 'refuse', reason: 'an RDD lives in the driver. Broadcast its rows, or join the two RDDs.' };
      }
    }
    const rdd = new FakeRdd();
    expect(refusalOf(() => rdd)).toBe(
      'the function captures "rdd": an RDD lives in the driver. Broadcast its rows, or join the two RDDs.',
    );
  });
});

describe('a function that does not stand by itself is refused', () => {
  it('for the this of its surroundings', () => {
    expect(refusalOf(new Job().lexicalThis())).toBe(
      'the function uses the "this" of the place where it was written. Copy what it needs into a const first: const { k } = this.',
    );
    const multiply = new Job().lexicalThis() as (x: number) => number;
    expect(refusalOf((x: number) => multiply(x))).toMatch(
      /^the function captures "multiply", which uses the "this" of the place where it was written \(refusals\.test\.ts:\d+\)\. Copy/,
    );
  });

  it('for the arguments, new.target and super of its surroundings', () => {
    function outer(): UserFunction {
      // biome-ignore lint/complexity/noArguments: it is what is refused
      return () => arguments[0] as unknown;
    }
    expect(refusalOf(outer())).toBe(
      'the function uses the "arguments" of the function around it. Copy what it needs into a const first.',
    );
    function target(): UserFunction {
      return () => new.target;
    }
    expect(refusalOf(target())).toBe(
      'the function uses the "new.target" of the function around it. Copy what it needs into a const first.',
    );
    expect(refusalOf(new Job().superCall())).toBe(
      'the function uses the "super" of the method around it. Call the method on an object that the function captures.',
    );
  });

  it('for private members of a class', () => {
    expect(refusalOf(Secret.prototype.get)).toBe(
      'the function uses private members of a class. Capture the class or an object, and call the method on it.',
    );
  });

  it('for eval', () => {
    // biome-ignore lint/security/noGlobalEval: it is what is refused
    expect(refusalOf((x: string) => eval(x) as unknown)).toBe(
      'the function calls eval, so what it captures cannot be known. Write the code out.',
    );
  });
});

describe('an assignment that would be lost is refused', () => {
  const lost = (name: string): string =>
    `assigns the captured variable "${name}", and what a worker assigns never comes back. Use an accumulator, or return the value.`;

  it('in the function itself, whatever the operator', () => {
    let total = 0;
    const functions: UserFunction[] = [
      (x: number) => {
        total += x;
      },
      () => total++,
      (x: number) => {
        total = x;
      },
      (x: number) => {
        [total] = [x];
      },
      (x: { n: number }) => {
        ({ n: total } = x);
      },
      () => {
        for (total of [1, 2]);
      },
    ];
    for (const fn of functions) expect(refusalOf(fn)).toBe(`the function ${lost('total')}`);
    expect(total).toBe(0);
  });

  it('in a function that it calls, when the variable only adds up', () => {
    expect(refusalOf((x: number) => counted(x))).toBe(`the function captures "counted", which ${lost('calls')}`);
    let sum = 0;
    const add = (x: number): void => {
      sum = sum + x;
    };
    expect(refusalOf((x: number) => add(x))).toBe(`the function captures "add", which ${lost('sum')}`);
    expect(sum).toBe(0);
  });

  it('in a cache that each worker would fill', () => {
    let cache: Map<string, number> | undefined;
    expect(
      refusalOf((key: string) => {
        cache ??= new Map();
        return cache.get(key);
      }),
    ).toBe(`the function ${lost('cache')}`.replace(/Use an.*/, 'Build it inside mapPartitions.'));
  });

  it('to a variable of an inner function, though no scope of its script is there', () => {
    const folder = new UserFolder('ESM');
    try {
      const message = folder.run('inner-state.cjs', [dist]);
      expect(message).toBe(`map at an unknown place: the function captures "one", which ${lost('n')}`);
    } finally {
      folder.remove();
    }
  });

  it('but not to a variable of its own or to what it captured', () => {
    const counts: Record<string, number> = {};
    const fn = (word: string): number => {
      let n = counts[word] ?? 0;
      n++;
      counts[word] = n;
      return n;
    };
    expect(refusalOf(fn)).toBe('it travels');
  });
});
