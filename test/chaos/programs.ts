import { type MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';

/** A whole program: several stages, its result small and independent of the order of rows. */
export interface Program {
  readonly name: string;
  readonly run: (sc: MillraceContext) => Promise<unknown>;
}

const ROWS = 20_000;

const total = async (pairs: RDD<[string, number]>): Promise<[string, number][]> =>
  (await pairs.reduceByKey((a, b) => a + b, 3).collect()).sort(([a], [b]) => (a < b ? -1 : 1));

export const programs: readonly Program[] = [
  {
    name: 'word count',
    run: (sc) =>
      total(
        sc
          .range(0, ROWS, 1, 8)
          .flatMap((n) => [`word ${n % 13}`, `word ${n % 7}`])
          .map((word): [string, number] => [word, 1]),
      ),
  },
  {
    name: 'join of two aggregations',
    run: async (sc) => {
      const sums = sc
        .range(0, ROWS, 1, 6)
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
      const sorted = sc
        .range(0, ROWS, 1, 6)
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
      const groups = sc
        .range(0, 60_000, 1, 4)
        .map((n): [string, string] => [
          `a key that is long enough to fill memory ${n % 30_000}`,
          `and a value of it ${n}`,
        ])
        .groupByKey(2);
      return total(groups.map(([, values]): [string, number] => [`groups of ${values.length}`, 1]));
    },
  },
];
