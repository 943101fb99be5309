import { MillraceError } from '../../base/errors.ts';
import { FILTER } from '../definition/filter.ts';
import type { AnyContext, ProcessorStage } from '../definition/step-definition.ts';
import { validateItem } from '../items/validation.ts';

/** The outputs of one item; none: it was dropped. */
export type Outputs = readonly unknown[];
export type ProcessItem = (item: unknown, c: AnyContext) => Outputs | Promise<Outputs>;

const none: Outputs = Object.freeze([]);

/** What stands for the function of a stage: the function itself, or its call in a worker. */
export type CallOf = (stage: Extract<ProcessorStage, { kind: 'process' }>) => (item: never, c: AnyContext) => unknown;

/** The stages of a step as one function of an item. Synchronous as long as the stages are. */
export function processorOf(stages: readonly ProcessorStage[], what: string, callOf: CallOf): ProcessItem {
  const [first, ...others] = stages.map((stage) => stageFunction(stage, what, callOf));
  if (first === undefined) return (item) => [item];
  return others.reduce<ProcessItem>((before, stage) => chained(before, stage), first);
}

function stageFunction(stage: ProcessorStage, what: string, callOf: CallOf): ProcessItem {
  switch (stage.kind) {
    case 'process': {
      const call = callOf(stage);
      return (item, c) => {
        const value = call(item as never, c);
        return isThenable(value) ? Promise.resolve(value).then((settled) => one(settled, what)) : one(value, what);
      };
    }
    case 'processMany':
      return (item, c) => {
        const values = stage.fn(item as never, c);
        return isThenable(values) ? Promise.resolve(values).then((settled) => many(settled, what)) : many(values, what);
      };
    case 'filter':
      return (item) => {
        const verdict: unknown = stage.predicate(item as never);
        if (isThenable(verdict)) return Promise.resolve(verdict).then((isKept) => (isKept ? [item] : none));
        return verdict ? [item] : none;
      };
    case 'validate':
      return (item) => {
        const value = validateItem(stage.schema, item, what);
        return isThenable(value) ? Promise.resolve(value).then((settled) => [settled]) : [value];
      };
  }
}

function one(value: unknown, what: string): Outputs {
  if (value === FILTER) return none;
  if (value !== undefined) return [value];
  throw returnedUndefined(what);
}

function many(values: unknown, what: string): Outputs {
  if (values === undefined) throw returnedUndefined(what);
  const outputs = [...(values as Iterable<unknown>)].filter((value) => value !== FILTER);
  if (outputs.includes(undefined)) throw returnedUndefined(what);
  return outputs;
}

function returnedUndefined(what: string): MillraceError {
  return new MillraceError(
    'MR_PROCESSOR_RETURNED_UNDEFINED',
    `${what}: a processor returned undefined. Return the item, FILTER to drop it, or null.`,
  );
}

function chained(before: ProcessItem, stage: ProcessItem): ProcessItem {
  return (item, c) => {
    const outputs = before(item, c);
    return isThenable(outputs)
      ? outputs.then((settled) => eachThrough(settled, stage, c))
      : eachThrough(outputs, stage, c);
  };
}

function eachThrough(items: Outputs, stage: ProcessItem, c: AnyContext): Outputs | Promise<Outputs> {
  if (items.length === 0) return none;
  if (items.length === 1) return stage(items[0], c);
  const parts = items.map((item) => stage(item, c));
  return parts.some(isThenable) ? Promise.all(parts).then((settled) => settled.flat()) : (parts as Outputs[]).flat();
}

/** Also what is no native promise: a query builder that runs when it is awaited. */
function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
