import { KeyTable } from '../../data/columnar/key.ts';
import { estimateBytes } from '../../data/columnar/size-estimate.ts';
import type { StageLoop } from '../../plan/codegen/stage-loop.ts';
import { GroupGauge } from '../storage/memory-gauge.ts';
import type { GroupBuilder, Groups } from './external-groups.ts';
import type { PairBatch } from './hash-fan-out.ts';
import { largeGroupError } from './large-group.ts';

/** The groups that a generated loop combines. */
export class AggregationBuilder implements GroupBuilder {
  readonly #loop: StageLoop;
  readonly #gauge: GroupGauge;

  constructor(loop: StageLoop, areLists: boolean) {
    this.#loop = loop;
    this.#gauge = new GroupGauge(areLists ? 1 : 0);
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

/** For every key, the list of its values on each side. */
export class CogroupBuilder implements GroupBuilder {
  readonly groups: { table: KeyTable; states: unknown[][][] } = { table: new KeyTable(), states: [] };
  readonly #sides: number;
  readonly #gauge: GroupGauge;

  constructor(sides: number) {
    this.#sides = sides;
    this.#gauge = new GroupGauge(sides);
  }

  add({ keys, values }: PairBatch, side: number): void {
    for (let row = 0; row < keys.length; row++) append(this.#lists(keys[row]), side, values[row]);
    this.#gauge.addListed(values);
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
    if (bytes > groupBytes) throw largeGroupError(table.keyAt(slot), bytes, groupBytes);
  }
}
