import { CustomPartitioner, type MillraceContext } from '../../../src/index.ts';
import { type Any, type AnyFunction, aggregates, combiners, functionOf, type Written } from './vocabulary.ts';

/** One step: an RDD made from nothing, or from earlier ones, which it names by their number. */
interface Step {
  readonly op: string;
  readonly on?: number;
  readonly other?: number;
  readonly n?: number | null;
  readonly fn?: Written;
  readonly kind?: string;
  readonly zero?: unknown;
  readonly ascending?: boolean;
  readonly rows?: readonly unknown[];
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

interface Action {
  readonly op: string;
  readonly n?: number;
  readonly fn?: Written;
  readonly kind?: string;
  readonly zero?: unknown;
  readonly key?: unknown;
  readonly buckets?: number | readonly number[];
}

export interface Program {
  readonly steps: readonly Step[];
  /** Which step the action is called on. */
  readonly on: number;
  readonly action: Action;
  /** Whether the order of several rows follows from the program. */
  readonly ordered: boolean;
  readonly answer?: unknown;
  /** The program has no answer, because there are no rows. */
  readonly fails?: 'empty';
}

/** Runs a program on millrace and gives its answer as the recorder writes PySpark's. */
export async function answerOf(sc: MillraceContext, { steps, on, action }: Program): Promise<unknown> {
  const rdds: Any[] = [];
  for (const step of steps) rdds.push(made(sc, rdds, step));
  return plain(await answered(rdds[on], action));
}

function made(sc: MillraceContext, rdds: readonly Any[], step: Step): Any {
  const n = step.n ?? undefined;
  if (step.op === 'range') return sc.range(step.start as number, step.end as number, step.step, n);
  if (step.op === 'parallelize') return sc.parallelize(step.rows as readonly unknown[], n);
  const rdd = rdds[step.on as number];
  const other = rdds[step.other as number];
  const fn = (): AnyFunction => functionOf(step.fn as Written);
  switch (step.op) {
    case 'map':
    case 'filter':
    case 'flatMap':
    case 'mapPartitions':
    case 'mapPartitionsWithIndex':
    case 'mapValues':
    case 'flatMapValues':
    case 'keyBy':
      return rdd[step.op](fn());
    case 'glom':
    case 'cache':
    case 'zipWithIndex':
    case 'zipWithUniqueId':
    case 'keys':
    case 'values':
      return rdd[step.op]();
    case 'distinct':
      return rdd.distinct(n);
    case 'repartition':
    case 'coalesce':
      return rdd[step.op](n as number);
    case 'union':
    case 'intersection':
    case 'subtract':
    case 'cartesian':
    case 'zip':
    case 'groupWith':
      return rdd[step.op](other);
    case 'sortBy':
      return rdd.sortBy(fn(), step.ascending, n);
    case 'sortByKey':
      return rdd.sortByKey(step.ascending, n);
    case 'groupBy':
      return rdd.groupBy(fn(), n);
    case 'groupByKey':
      return rdd.groupByKey(n);
    case 'reduceByKey':
      return rdd.reduceByKey(fn(), n);
    case 'foldByKey':
      return rdd.foldByKey(step.zero as Any, fn(), n);
    case 'aggregateByKey': {
      const { zero, merge, combine } = aggregate(step.kind);
      return rdd.aggregateByKey(zero, merge, combine, n);
    }
    case 'combineByKey': {
      const { create, merge, combine } = combiners[step.kind as string] as (typeof combiners)[string];
      return rdd.combineByKey(create, merge, combine, n);
    }
    case 'cogroup':
    case 'join':
    case 'leftOuterJoin':
    case 'rightOuterJoin':
    case 'fullOuterJoin':
    case 'subtractByKey':
      return rdd[step.op](other, n);
    case 'partitionBy':
      return step.fn === undefined ? rdd.partitionBy(n as number) : rdd.partitionBy(n as number, fn());
    case 'repartitionAndSortWithinPartitions':
      return rdd.repartitionAndSortWithinPartitions(
        new CustomPartitioner(n as number, functionOf(['mod', n])),
        step.ascending,
      );
    default:
      throw new Error(`no operator ${step.op}`);
  }
}

function aggregate(kind: string | undefined): ReturnType<(typeof aggregates)[string]> {
  return (aggregates[kind as string] as (typeof aggregates)[string])();
}

async function answered(rdd: Any, action: Action): Promise<unknown> {
  const fn = action.fn === undefined ? undefined : functionOf(action.fn);
  const { op } = action;
  switch (op) {
    case 'take':
      return rdd.take(action.n as number);
    case 'takeOrdered':
    case 'top':
      return rdd[op](action.n as number, fn);
    case 'max':
    case 'min':
      return rdd[op](fn);
    case 'reduce':
    case 'treeReduce':
    case 'reduceByKeyLocally':
      return rdd[op](fn as AnyFunction);
    case 'fold':
      return rdd.fold(action.zero, fn as AnyFunction);
    case 'aggregate':
    case 'treeAggregate': {
      const { zero, merge, combine } = aggregate(action.kind);
      return rdd[op](zero, merge, combine);
    }
    case 'histogram':
      return rdd.histogram(action.buckets);
    case 'lookup':
      return rdd.lookup(action.key);
    case 'stats': {
      const { count, mean, variance, max, min, sum } = await rdd.stats();
      return [count, mean, variance, max, min, sum];
    }
    case 'collect':
    case 'count':
    case 'isEmpty':
    case 'first':
    case 'countByKey':
    case 'countByValue':
    case 'collectAsMap':
    case 'getNumPartitions':
    case 'sum':
    case 'mean':
    case 'variance':
    case 'stdev':
    case 'sampleVariance':
    case 'sampleStdev':
      return rdd[op]();
    default:
      throw new Error(`no action ${op}`);
  }
}

/** An answer as the recorder writes it: numbers that JSON lacks as `{ $: name }`, a Map by its entries. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : { $: String(value) };
  if (value instanceof Map) return { $map: [...value].map(plain) };
  return Array.isArray(value) ? value.map(plain) : value;
}

/** An answer as two equal ones are: rows sorted where their order means nothing, fractions to 9 digits. */
export function comparable(answer: unknown, ordered: boolean): unknown {
  const rounded = round(answer);
  if (Array.isArray(rounded)) return ordered ? rounded : sorted(rounded);
  if (typeof rounded === 'object' && rounded !== null && '$map' in rounded)
    return { $map: sorted(rounded.$map as unknown[]) };
  return rounded;
}

function sorted(rows: readonly unknown[]): unknown[] {
  const texts = rows.map((row) => JSON.stringify(row)).sort();
  return texts.map((text) => JSON.parse(text) as unknown);
}

function round(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(9));
  if (Array.isArray(value)) return value.map(round);
  if (typeof value === 'object' && value !== null && '$map' in value) return { $map: round(value.$map) };
  return value;
}
