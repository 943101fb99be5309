import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';
import { mortal } from './faults.ts';

/** A whole program: several stages, its result small and independent of the order of rows. */
export interface Program {
  readonly name: string;
  readonly run: (sc: MillraceContext) => Promise<unknown>;
}

const ROWS = 20_000;

/** 0 to rows - 1, by functions that the faults may kill. */
const numbers = (sc: MillraceContext, partitions: number, rows: number = ROWS): RDD<number> => {
  const live = mortal(sc);
  return sc.range(0, rows, 1, partitions).map((n) => {
    live(n);
    return n;
  });
};

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const total = async (pairs: RDD<[string, number]>): Promise<[string, number][]> =>
  (await pairs.reduceByKey((a, b) => a + b, 3).collect()).sort(([a], [b]) => (a < b ? -1 : 1));

export const programs: readonly Program[] = [
  {
    name: 'word count',
    run: async (sc) => {
      const rows = sc.accumulator(0);
      const words = numbers(sc, 8).flatMap((n) => {
        rows.add(1);
        return [`word ${n % 13}`, `word ${n % 7}`];
      });
      return [await total(words.map((word): [string, number] => [word, 1])), rows.value];
    },
  },
  {
    name: 'join of two aggregations',
    run: async (sc) => {
      const sums = numbers(sc, 6)
        .map((n): [number, number] => [n % 500, n])
        .reduceByKey((a, b) => a + b, 4);
      const counts = sc
        .range(0, ROWS, 1, 5)
        .map((n): [number, number] => [n % 700, 1])
        .reduceByKey((a, b) => a + b, 4);
      const joined = await sums.leftOuterJoin(counts, 3).collect();
      return joined.sort(([a], [b]) => a - b);
    },
  },
  {
    name: 'sort and cache, read twice',
    run: async (sc) => {
      const sorted = numbers(sc, 6)
        .map((n) => (n * 7919) % ROWS)
        .sortBy((n) => n, false, 4)
        .cache();
      return [
        await sorted.take(5),
        await sorted.count(),
        (
          await sorted
            .glom()
            .map((rows) => rows[0] ?? -1)
            .collect()
        ).length,
      ];
    },
  },
  {
    name: 'iterations over a cached table on disk',
    run: async (sc) => {
      const links = sc
        .range(0, 600, 1, 4)
        .map((n): [number, number[]] => [n, [(n * 3) % 600, (n * 7 + 1) % 600]])
        .partitionBy(4)
        .persist(StorageLevel.DISK_ONLY);
      let ranks = links.mapValues(() => 1);
      for (let round = 0; round < 4; round++)
        ranks = links
          .join(ranks)
          .flatMap(([, [targets, rank]]) => targets.map((target): [number, number] => [target, rank / targets.length]))
          .reduceByKey((a, b) => a + b, 4)
          .mapValues((rank) => Math.round((0.15 + 0.85 * rank) * 1e6) / 1e6);
      const rows = await ranks.collect();
      links.unpersist();
      return rows
        .sort(([a], [b]) => a - b)
        .slice(0, 50)
        .map(([n, rank]) => [n, rank.toFixed(4)]);
    },
  },
  {
    name: 'indexes, samples and sets of what a shuffle dealt out',
    run: async (sc) => {
      const dealt = sc
        .range(0, 3000, 1, 3)
        .repartition(3)
        .map((n) => n % 900)
        .persist(StorageLevel.MEMORY_AND_DISK);
      const numbered = await dealt.zipWithIndex().sample(false, 0.2, 3).collect();
      const rest = await dealt.subtract(dealt.sample(false, 0.3, 5)).collect();
      dealt.unpersist();
      return [numbered, rest.toSorted((a, b) => a - b)];
    },
  },
  {
    name: 'more groups than fit in memory',
    run: async (sc) => {
      const groups = numbers(sc, 4, 40_000)
        .map((n): [string, string] => [
          `a key that is long enough to fill memory ${n % 20_000}`,
          `and a value of it ${n}`,
        ])
        .groupByKey(2);
      return total(groups.map(([, values]): [string, number] => [`groups of ${values.length}`, 1]));
    },
  },
  {
    name: 'a join of more than fits in memory',
    run: async (sc) => {
      const text = (n: number) => `a value that is long enough to fill the memory there is ${n}`;
      const left = numbers(sc, 4, 30_000).map((n) => [(n * 7919) % 30_000, text(n)] as const, { captured: { text } });
      const right = numbers(sc, 3, 30_000).map((n) => [n, text(n)] as const, { captured: { text } });
      const joined = left.fullOuterJoin(right, 2);
      return joined
        .map(([key, [a, b]]) => key + (a?.length ?? 0) + 7 * (b?.length ?? 0))
        .aggregate(
          [0, 0] as [number, number],
          ([rows, sum], n): [number, number] => [rows + 1, (sum + n * n) % 1_000_003],
          ([rows, sum], [more, other]): [number, number] => [rows + more, (sum + other) % 1_000_003],
        );
    },
  },
  {
    name: 'rows numbered, zipped, sampled and taken apart',
    run: async (sc) => {
      const rows = numbers(sc, 5, 6000);
      const numbered = rows.map((n) => n * 3).zipWithIndex();
      const zipped = rows.zip(rows.map((n) => `row ${n}`)).filter(([n]) => n % 997 === 0);
      const [some, others] = rows.randomSplit([1, 3], 7) as [RDD<number>, RDD<number>];
      return [
        await numbered.filter(([n, index]) => n !== 3 * index).count(),
        await zipped.collect(),
        await rows.sample(false, 0.1, 42).sum(),
        await some.subtract(others, 3).count(),
        (await rows.intersection(some.union(sc.range(100)), 3).collect()).sort(byText).slice(0, 50),
      ];
    },
  },
  {
    name: 'a product of two small tables, counted in a tree',
    run: async (sc) => {
      const table = numbers(sc, 3, 60).cache();
      const product = table.cartesian(sc.range(0, 40, 1, 2)).map(([a, b]) => a * b);
      return [
        await product.sum(),
        await product.treeReduce((a, b) => Math.max(a, b)),
        await product.distinct(2).count(),
      ];
    },
  },
  {
    name: 'a checkpoint that is read again',
    run: async (sc) => {
      const dir = mkdtempSync(join(tmpdir(), 'chaos-'));
      sc.setCheckpointDir(dir);
      const counts = numbers(sc, 4)
        .map((n) => [n % 300, n] as const)
        .reduceByKey((a, b) => a + b, 3)
        .checkpoint();
      const first = (await counts.collect()).sort(byText);
      const again = (await counts.mapValues((sum) => sum * 2).collect()).sort(byText);
      rmSync(dir, { recursive: true });
      return [first, again];
    },
  },
  {
    name: 'an output, written once',
    run: async (sc) => {
      const dir = mkdtempSync(join(tmpdir(), 'chaos-'));
      const out = join(dir, 'out');
      await numbers(sc, 6)
        .map((n) => [n % 100, n] as const)
        .groupByKey(3)
        .map(([key, values]) => `${key}: ${values.length}`)
        .saveAsTextFile(out);
      const files = readdirSync(out).filter((name) => name.startsWith('part-'));
      const lines = files.flatMap((name) => readFileSync(join(out, name), 'utf8').trim().split('\n'));
      const read = await sc.textFile(out).count();
      rmSync(dir, { recursive: true });
      return [files.length, lines.sort(), read];
    },
  },
  {
    name: 'actions at the same time that share a shuffle and a cache',
    run: async (sc) => {
      const shared = numbers(sc, 6)
        .map((n) => [n % 50, n] as const)
        .reduceByKey((a, b) => a + b, 4)
        .persist(StorageLevel.MEMORY_AND_DISK);
      const sums = await Promise.all(
        [1, 2, 3].map((k) =>
          shared
            .mapValues((sum) => sum * k, { captured: { k } })
            .values()
            .sum(),
        ),
      );
      shared.unpersist();
      return sums;
    },
  },
];
