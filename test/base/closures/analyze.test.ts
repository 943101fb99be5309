import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type AnyNode, parse } from 'acorn';
import { describe, expect, it } from 'vitest';
import { analyzeFunction } from '../../../src/base/closures/analyze.ts';
import { walkReferences } from '../../../src/base/closures/references.ts';

const namesOf = (text: string): string[] => [...analyzeFunction(text).freeVariables.keys()].sort();

describe('free variables', () => {
  it.each<[text: string, free: string[]]>([
    ['(x) => x + k', ['k']],
    ['x => { const k = 1; return x + k }', []],
    ['x => { { let k = 1 } return k }', ['k']],
    ['x => { { var k = 1 } return k }', []],
    ['x => { { function f() {} } let y = f; return y }', ['f']],
    ['x => { if (x) { class K {} } return K }', ['K']],
    ['(x = k, { a: y = l, [m]: z } = n, ...r) => [x, y, z, r]', ['k', 'l', 'm', 'n']],
    ['function f(n) { return n ? f(n - 1) : g }', ['g']],
    ['x => ({ k, l: x, [m]: 1, n() { return k } })', ['k', 'm']],
    ['x => x.k.l[m]?.n', ['m']],
    ['x => { k: for (;;) { break k } }', []],
    ['x => { for (const k of l) m(k); for (k in l); }', ['k', 'l', 'm']],
    ['x => { try { a() } catch (k) { return k } return k }', ['a', 'k']],
    ['x => { try { a() } catch ({ message: k = d }) { return k } }', ['a', 'd']],
    ['x => { switch (k) { case l: let m = 1; default: return m } }', ['k', 'l']],
    ['class A extends B { [k] = l; static s = t; static { u() } m() { return A + v } }', ['k', 'l', 'v']],
    ['x => class extends B { static s = t; static { u() } }', ['B', 't', 'u']],
    ['x => class K { m() { return K } }', []],
    ['function () { return arguments.length + this.k + new.target }', []],
    ['get [k]() { return l }', ['l']],
    ['async *m(a) { yield* k(a) }', ['k']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a function
    ['x => `a${k}b${l`c`}`', ['k', 'l']],
    ['x => typeof k', ['k']],
    ['x => { ({ a: k, ...l } = x); [m.n, o[p]] = x }', ['k', 'l', 'm', 'o', 'p']],
    ['x => import.meta.url + k', ['k']],
    ['async x => (await import(k)).default', ['k']],
    ['x => { using: { return k } }', ['k']],
    ['(a, b = () => a + c) => { var a = d; return b() }', ['c', 'd']],
    ['x => { const f = () => f; function g() { return h } return g }', ['h']],
  ])('of %s', (text, free) => {
    expect(namesOf(text)).toEqual(free);
  });

  it('say how each is used, by its range in the text', () => {
    const text = 'async (x) => { n += 1; log(n); return { n, all: rows[x], size: rows.length } }';
    const { freeVariables } = analyzeFunction(text);
    const n = freeVariables.get('n');
    expect(n?.writes).toEqual(['+=']);
    expect(n?.uses.map(({ start, end, isShorthand }) => [text.slice(start, end), isShorthand])).toEqual([
      ['n', false],
      ['n', false],
      ['n', true],
    ]);
    expect(freeVariables.get('log')?.uses[0]?.isCallee).toBe(true);
    expect(freeVariables.get('rows')).toMatchObject({ writes: [], members: undefined, isOnlyRead: true });
    expect(analyzeFunction('() => [ns.a, ns.b(ns.a)]').freeVariables.get('ns')?.members).toEqual(new Set(['a', 'b']));
  });

  it.each<[text: string, faults: string[]]>([
    ['() => this.k', ['this']],
    ['function () { return () => this.k }', []],
    ['() => function () { return this }', []],
    ['() => class { k = this; static { this.l = 1 } }', []],
    ['() => class { [this.k] = 1 }', ['this']],
    ['() => arguments[0]', ['arguments']],
    ['function () { return () => arguments }', []],
    ['() => new.target', ['new.target']],
    ['() => super.m()', ['super']],
    ['() => ({ m() { return super.m() } })', []],
    ['() => eval("k")', ['eval']],
    ['m() { return this.#k }', ['private name']],
    ['m() { return super.m() }', []],
  ])('%s has the faults %j', (text, faults) => {
    expect([...analyzeFunction(text).faults]).toEqual(faults);
  });
});

describe('names in real programs', () => {
  const require = createRequire(import.meta.url);
  const dist = join(import.meta.dirname, '../../../dist/base/closures');
  const wrappers = ['module', 'exports', 'require', '__filename', '__dirname'];
  const elsewhere = ['define', 'self', 'window', 'document'];
  const known = new Set([...Object.getOwnPropertyNames(globalThis), ...wrappers, ...elsewhere]);

  it.each([
    join(dist, 'analyze.js'),
    join(dist, 'rebuild.js'),
    require.resolve('acorn'),
    require.resolve('msgpackr'),
    require.resolve('apache-arrow'),
    require.resolve('fast-check'),
    require.resolve('saxes'),
    require.resolve('mysql2'),
  ])('are all declared, or globals: %s', (file) => {
    const options = { ecmaVersion: 'latest', sourceType: 'module', allowReturnOutsideFunction: true } as const;
    const program: AnyNode = parse(readFileSync(file, 'utf8'), options);
    const unknown = new Set<string>();
    let references = 0;
    walkReferences(program, {
      reference({ identifier, binding }) {
        references++;
        if (binding === undefined && !known.has(identifier.name)) unknown.add(identifier.name);
      },
    });
    expect([...unknown]).toEqual([]);
    expect(references).toBeGreaterThan(20);
  });
});
