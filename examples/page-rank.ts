// Which pages matter, from who links to whom: node dist-examples/page-rank.js [file of lines "from to"]
import { MillraceContext } from 'millrace';

const path = process.argv[2] ?? 'examples/data/links.txt';
const rounds = 20;
const damping = 0.85;

await using sc = await MillraceContext.create({ appName: 'page rank' });
// Grouped once: every round joins with these partitions where they lie.
const links = sc
  .textFile(path)
  .map((line) => line.split(/\s+/))
  .map(([from = '', to = '']) => [from, to] as const)
  .distinct()
  .groupByKey()
  .cache();

let ranks = links.mapValues(() => 1);
for (let round = 0; round < rounds; round++) {
  const given = links
    .join(ranks)
    .values()
    .flatMap(([pages, rank]) => pages.map((page) => [page, rank / pages.length] as const));
  // Every page gets its share of what is not passed on, also one that nobody links to.
  ranks = links
    .leftOuterJoin(given.reduceByKey((a, b) => a + b))
    .mapValues(([, sum]) => 1 - damping + damping * (sum ?? 0));
}

console.log(`${await links.count()} pages of ${path}, after ${rounds} rounds:`);
for (const [page, rank] of await ranks.sortBy(([page, rank]) => [-rank, page]).take(10))
  console.log(`${rank.toFixed(4).padStart(8)}  ${page}`);
