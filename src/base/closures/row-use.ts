import { types } from 'node:util';
import { analyzeFunction } from './analyze.ts';
import type { ClosurePayload } from './payload.ts';
import { rowProperties } from './row-properties.ts';
import { type RowConstant, type RowTests, rowTests } from './row-tests.ts';
import { readSnapshot } from './snapshot.ts';

/** What the text of a captured function of one row, and the constants it captured, tell without calling it. */
export class CapturedRowUse {
  readonly #payload: ClosurePayload;
  #data: readonly unknown[] | undefined;

  constructor(payload: ClosurePayload) {
    this.#payload = payload;
  }

  /** The properties of the row that a function reads; undefined when it may use the row in any way. */
  properties(index: number): ReadonlySet<string> | undefined {
    const node = this.#function(index);
    return node && rowProperties(analyzeFunction(node.text).parsed);
  }

  /** What a function says of the rows for which it is true. */
  tests(index: number): RowTests {
    const node = this.#function(index);
    if (node === undefined) return { clauses: [], isPure: false };
    const variables = new Map(node.variables);
    return rowTests(analyzeFunction(node.text).parsed, {
      constant: (name) => this.#constant(variables.get(name)),
      isGlobal: (name) => this.#isGlobal(variables.get(name)),
    });
  }

  #function(index: number): Extract<ClosurePayload['nodes'][number], { readonly kind: 'function' }> | undefined {
    const { nodes, roots, isAsync } = this.#payload;
    const node = nodes[roots[index] ?? -1];
    return node?.kind === 'function' && isAsync[index] === false ? node : undefined;
  }

  #isGlobal(index: number | undefined): boolean {
    return index === undefined || this.#payload.nodes[index]?.kind === 'global';
  }

  /** Only plain data: what shipped functions assign is in a box. */
  #constant(index: number | undefined): { readonly value: RowConstant } | undefined {
    const node = this.#payload.nodes[index ?? -1];
    if (node?.kind !== 'data') return undefined;
    this.#data ??= readSnapshot(this.#payload, this.#payload.shared);
    const value = this.#data[node.index];
    return isConstant(value) ? { value } : undefined;
  }
}

function isConstant(value: unknown): value is RowConstant {
  return value === null || types.isDate(value) || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}
