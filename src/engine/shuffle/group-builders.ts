import { MillraceError } from '../../base/errors.ts';
import { KeyTable } from '../../data/columnar/key.ts';
import { estimateBytes } from '../../data/columnar/size-estimate.ts';
import type { StageLoop } from '../../plan/codegen/stage-loop.ts';
import type { GroupBuilder, Groups } from './external-groups.ts';
import { GroupGauge } from './memory-gauge.ts';

/** The groups that a generated loop combines. */
export class AggregationBuilder implements GroupBuilder {
  readonly #loop: StageLoop;
  readonly #gauge: GroupGauge;

  constructor(loop: StageLoop, areLists: boolean) {
    this.#loop = loop;
    this.#gauge = new GroupGauge(areLists);
  }

  get groups(): Groups {
    return this.#loop.groups;
  }

  /** These values (or rows) went through the loop. */
  note(values: readonly unknown[]): void {
    this.#gauge.addListed(values);
  }

  merge(keys: readonly unknown[], states: readonly unknown[]): void {
    this.#loop.runPairs(keys, states);
    this.note(states);
  }

  bytes(): number {
    const { table, states } = this.#loop.groups;
    return this.#gauge.bytes((slot) => table.keyAt(slot), states);
  }

  reset(): void {
    this.#loop.groups.table = new KeyTable();
    this.#loop.groups.states = [];
    this.#gauge.reset();
  }
}

/** What an array costs beside its items. */
const BYTES_PER_LIST = 48;

/** For every key, the list of its values on each side. */
export class CogroupBuilder implements GroupBuilder {
  readonly groups: { table: KeyTable; states: unknown[][][] } = { table: new KeyTable(), states: [] };
  readonly #sides: number;
  readonly #gauge: GroupGauge;

  constructor(sides: number) {
    this.#sides = sides;
    this.#gauge = new GroupGauge(true, BYTES_PER_LIST * (sides + 1));
  }

  add(pairs: readonly (readonly [unknown, unknown])[], side: number): void {
    for (const [key, value] of pairs) append(this.#lists(key), side, value);
    this.#gauge.addListed(pairs);
  }

  merge(keys: readonly unknown[], states: readonly unknown[]): void {
    for (const [index, key] of keys.entries()) {
      const lists = this.#lists(key);
      for (const [side, values] of (states[index] as unknown[][]).entries())
        for (const value of values) append(lists, side, value);
    }
    this.#gauge.addListed(states);
  }

  bytes(): number {
    return this.#gauge.bytes((slot) => this.groups.table.keyAt(slot), this.groups.states);
  }

  reset(): void {
    this.groups.table = new KeyTable();
    this.groups.states = [];
    this.#gauge.reset();
  }

  #lists(key: unknown): unknown[][] {
    const { table, states } = this.groups;
    const slot = table.slot(key);
    let lists = states[slot];
    if (lists === undefined) {
      lists = Array.from({ length: this.#sides }, () => []);
      states.push(lists);
    }
    return lists;
  }
}

/** The first value makes the list: pushed onto an empty one it would reserve room for 17. */
function append(lists: unknown[][], side: number, value: unknown): void {
  const list = lists[side];
  if (list === undefined || list.length === 0) lists[side] = [value];
  else list.push(value);
}

/** Fails when the values of one key alone are more than fits; groups that are merely many go on. */
export function refuseLargeGroup({ table, states }: Groups, groupBytes: number): void {
  for (const [slot, state] of states.entries()) {
    const bytes = estimateBytes(state);
    if (bytes <= groupBytes) continue;
    const key = JSON.stringify(table.keyAt(slot)) ?? String(table.keyAt(slot));
    throw new MillraceError(
      'MR_MEMORY',
      `the group of key ${key.slice(0, 100)} takes about ${Math.round(bytes / 2 ** 20)} MB, more than the ${Math.round(groupBytes / 2 ** 20)} MB there are for one group. Merge its values with reduceByKey or aggregateByKey instead of groupByKey, cogroup or join, or give the context more memory.`,
      { details: { key: key.slice(0, 100), bytes } },
    );
  }
}
