// The most frequent words of a text: node dist-examples/word-count.js [file, folder or pattern]
import { MillraceContext } from 'millrace';

const path = process.argv[2] ?? 'examples/data/mill.txt';
const stop = new Set('a an and at for he his in it of on that the they to was were which with'.split(' '));

await using sc = await MillraceContext.create({ appName: 'word count' });
const counts = sc
  .textFile(path)
  .flatMap((line) => line.toLowerCase().split(/[^\p{L}\p{N}]+/u))
  .filter((word) => word !== '' && !stop.has(word))
  .map((word) => [word, 1] as const)
  .reduceByKey((a, b) => a + b)
  .cache();

console.log(`${await counts.count()} different words in ${path}. The most frequent:`);
for (const [word, count] of await counts.sortBy(([word, count]) => [-count, word]).take(10))
  console.log(`${String(count).padStart(8)}  ${word}`);
