import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import type { ClosurePayload } from '../../../src/base/closures/payload.ts';
import { rebuildClosures } from '../../../src/base/closures/rebuild.ts';
import { SHIP, type ShipOrder, type Shippable } from '../../../src/base/closures/shippable.ts';
import type { UserFunction } from '../../../src/base/closures/user-function.ts';

// biome-ignore lint/suspicious/noExplicitAny: functions of every shape
type AnyFunction = (...args: any[]) => any;

function capture(functions: readonly UserFunction[], captured?: Record<string, unknown>): ClosurePayload {
  return captureClosures(functions.map((fn) => ({ fn, operator: 'map', callSite: undefined, captured })));
}

/** As it arrives in a worker. */
function posted(payload: ClosurePayload): ClosurePayload {
  return { ...structuredClone({ ...payload, shared: [] }), shared: payload.shared };
}

async function ship(...functions: AnyFunction[]): Promise<AnyFunction[]> {
  const rebuilt = await rebuildClosures(posted(capture(functions)), (kind, data) => ({ kind, data }));
  return rebuilt as readonly UserFunction[] as AnyFunction[];
}

describe('a payload', () => {
  it('is a snapshot: what the program changes later is not seen, and a worker changes its own copy', async () => {
    const settings = { limit: 1, nested: new Map([['k', [1]]]), f: (): number => settings.limit };
    let variable = 'before';
    const payload = capture([
      () => [variable, settings.limit, settings.f(), settings.nested.get('k')],
    ] as AnyFunction[]);
    variable = 'after';
    settings.limit = 9;
    settings.nested.get('k')?.push(2);
    const [first] = (await rebuildClosures(payload, () => undefined)) as unknown as AnyFunction[];
    const [second] = (await rebuildClosures(payload, () => undefined)) as unknown as AnyFunction[];
    first?.()[3].push(3);
    expect(first?.()).toEqual(['before', 1, 1, [1, 3]]);
    expect(second?.()).toEqual(['before', 1, 1, [1]]);
    expect(variable).toBe('after');
  });

  it('keeps what functions share', async () => {
    const plain = { n: 0 };
    const holder = { plain, f: (): number => ++plain.n };
    class Counter {
      n = 0;
    }
    const counter = new Counter();
    const symbol = Symbol('shared');
    const [bump, read, same, symbols] = await ship(
      () => holder.f() + ++counter.n,
      () => [plain.n, counter.n],
      () => [holder.plain === plain, counter instanceof Counter, new Counter().constructor === counter.constructor],
      () => symbol,
      () => symbol,
    );
    expect(bump?.()).toBe(2);
    expect(read?.()).toEqual([1, 1]);
    expect(same?.()).toEqual([true, true, true]);
    expect(typeof symbols?.()).toBe('symbol');
  });

  it('keeps identity between plain data, class objects and functions that refer to each other', async () => {
    const [check] = await ship(makeFamily());
    expect(check?.()).toEqual([true, true, true, true]);
  });

  it('tells which functions are declared async', () => {
    const asyncArrow = async (): Promise<number> => 1;
    const functions: AnyFunction[] = [
      (x: number) => x,
      asyncArrow,
      async function* () {
        yield 1;
      },
      function* () {
        yield 1;
      },
      asyncArrow.bind(null),
      Math.max.bind(null, 1),
      () => Promise.resolve(1),
      { async m(): Promise<void> {} }.m,
    ];
    expect(capture(functions).isAsync).toEqual([false, true, true, false, true, false, false, true]);
  });

  it('holds shared memory only apart, so that the rest can leave the process', () => {
    const big = new Float64Array(100_000);
    const mine = new Int32Array(new SharedArrayBuffer(8));
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ i, name: `row ${i}` }));
    const { shared, ...rest } = capture([() => big[0], () => mine[0], () => rows.length]);
    expect(shared.map((memory) => memory.byteLength)).toEqual([8, 800_000, expect.any(Number)]);
    expect(() => structuredClone(rest)).not.toThrow();
    expect(JSON.stringify(rest).length).toBeLessThan(10_000);
    expect(JSON.parse(JSON.stringify(rest, (_key, value) => (value === undefined ? null : value)))).toBeTruthy();
  });

  it('is small for a small function', () => {
    const k = 3;
    expect(JSON.stringify(capture([(x: number) => x > k])).length).toBeLessThan(1000);
  });

  it('takes the values that the user gives for variables, instead of those around', async () => {
    const k = 1;
    const other = 2;
    const payload = capture([(x: number) => [x, k, other]], { k: 10 });
    const [fn] = (await rebuildClosures(posted(payload), () => undefined)) as unknown as AnyFunction[];
    expect(fn?.(0)).toEqual([0, 10, 2]);
  });

  it('lets an object choose what a worker gets instead of it', async () => {
    const memory = new SharedArrayBuffer(4);
    class Ticket implements Shippable {
      [SHIP](): ShipOrder {
        return { kind: 'value', reviver: 'ticket', data: { id: 7, blocks: [memory] } };
      }
    }
    const ticket = new Ticket();
    const holder = { ticket, f: (): unknown => ticket };
    const [fn] = await ship(() => [ticket, holder.f() === ticket]);
    expect(fn?.()).toEqual([{ kind: 'ticket', data: { id: 7, blocks: [memory] } }, true]);
    expect(fn?.()[0].data.blocks[0]).toBe(memory);
  });
});

function makeFamily(): AnyFunction {
  const names = ['a'];
  class Node {
    names: string[] = names;
    children: Node[] = [];
    static root: Node | undefined;
    isRoot(): boolean {
      return Node.root === this && family.root === this;
    }
  }
  const root = new Node();
  const child = new Node();
  root.children.push(child);
  Node.root = root;
  const family = {
    root,
    names,
    parentOf: (node: Node): Node | undefined => (root.children.includes(node) ? root : undefined),
  };
  return () => [
    root.isRoot(),
    family.parentOf(child) === root,
    child.names === family.names,
    root.children[0] === child,
  ];
}

describe('captured data arrives as it was', () => {
  const values = fc.oneof(
    fc.anything({
      withBigInt: true,
      withBoxedValues: false,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    }),
    fc.constantFrom(-0, Number.NaN, undefined, null, 2n ** 53n + 1n, '\ud800', '', Number.MIN_VALUE),
  );

  it('whatever it is, plain or among functions', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const mixed = { value, f: (): unknown => value, list: [value, (): unknown => value] };
        const [plain, among] = await ship(
          () => value,
          () => [mixed.value, mixed.f(), mixed.list[0]],
        );
        expect(plain?.()).toStrictEqual(value);
        expect(among?.()).toStrictEqual([value, value, value]);
      }),
      { numRuns: 200 },
    );
  });

  it('at any depth', async () => {
    let list: { next: unknown; f?: () => number } = { next: undefined };
    for (let i = 0; i < 20_000; i++) list = { next: list, ...(i % 5000 === 0 ? { f: (): number => i } : {}) };
    const [length] = await ship(() => {
      let n = 0;
      for (let at: { next: unknown } | undefined = list; at !== undefined; at = at.next as typeof at) n++;
      return n;
    });
    expect(length?.()).toBe(20_001);
  });

  it('at any depth of plain data, in whatever order V8 would walk it', async () => {
    interface Item {
      next: Item | undefined;
      i: number;
    }
    const items = Array.from({ length: 10_000 }, (_, i): Item => ({ next: undefined, i }));
    for (const [i, item] of items.entries()) item.next = items[i + 1];
    const first = items[0]!;
    const last = items.at(-1)!;
    const [check] = await ship(() => [items[1] === first.next, items[9_999] === last, last.i, items[5_000]?.next?.i]);
    expect(check?.()).toEqual([true, true, 9_999, 5_001]);
  });
});

describe('large typed arrays', () => {
  const large = new Float64Array(50_000).fill(2);

  it('are one memory for all workers when the functions only read them', async () => {
    const [sum, at] = await ship(
      () => {
        let total = 0;
        for (let i = 0; i < large.length; i++) total += large[i]!;
        for (const x of large) total += x;
        return total;
      },
      () => [large.at(1), large.slice(0, 2).length, large.includes(2)],
    );
    expect(sum?.()).toBe(200_000);
    expect(at?.()).toEqual([2, 2, true]);
    const payload = capture([() => large[0]]);
    expect(payload.largeBuffers).toEqual([{ shared: 0, readOnly: true }]);
  });

  it('are copied for each worker when a function could change them or hand them on', () => {
    const holder = { large };
    const use = (array: Float64Array): number => array.length;
    const functions: AnyFunction[] = [
      () => {
        large[0] = 1;
      },
      () => large[0]!++,
      () => {
        [large[0]] = [3];
      },
      () => large.fill(0),
      () => large.subarray(1)[0],
      () => use(large),
      () => large.buffer,
      () => holder.large[0],
      () => {
        const alias = large;
        return alias;
      },
      () => {
        for (large[0] of [1]);
      },
    ];
    for (const fn of functions)
      expect(capture([fn]).largeBuffers, String(fn)).toEqual([{ shared: 0, readOnly: false }]);
    expect(capture([() => large[0], () => large.fill(0)]).largeBuffers).toEqual([{ shared: 0, readOnly: false }]);
  });

  it('keep their place in a graph, and two views of one buffer stay so', async () => {
    const buffer = new ArrayBuffer(400_000);
    const model = { weights: new Float64Array(buffer), bytes: new Uint8Array(buffer, 8, 8), f: (): number => 1 };
    const { weights } = model;
    const [fn] = await ship(() => {
      weights[1] = 1;
      return [model.weights === weights, model.bytes.buffer === weights.buffer, model.bytes[7], model.f()];
    });
    expect(fn?.()).toEqual([true, true, 0x3f, 1]);
    expect(weights[1]).toBe(0);
  });
});
