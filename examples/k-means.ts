// Which points belong together, by Lloyd's k-means: node dist-examples/k-means.js [number of points]
import { MillraceContext } from 'millrace';

const size = Number(process.argv[2] ?? 3000);
const rounds = 20;
type Point = readonly [x: number, y: number];
const middles: readonly Point[] = [
  [0, 0],
  [8, 1],
  [2, 9],
  [-7, 4],
];

/** A number from 0 to 1 that looks like chance and is always the same for `n`. */
function noise(n: number): number {
  let bits = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
}

/** A point near one of the middles. */
function pointOf(n: number): Point {
  const [x, y] = middles[n % middles.length] ?? [0, 0];
  const [angle, distance] = [noise(2 * n) * 2 * Math.PI, 2 * noise(2 * n + 1)];
  return [x + distance * Math.cos(angle), y + distance * Math.sin(angle)];
}

const squaredDistance = (a: Point, b: Point): number => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;

/** The number of the nearest centre. */
function nearest(point: Point, centres: readonly Point[]): number {
  const distances = centres.map((centre) => squaredDistance(point, centre));
  return distances.indexOf(Math.min(...distances));
}

await using sc = await MillraceContext.create({ appName: 'k-means' });
const points = sc.range(size).map(pointOf).cache();
let centres: Point[] = await points.take(middles.length);
for (let round = 0; round < rounds; round++) {
  const old = centres; // a function may capture what is never assigned again
  const sums = await points
    .map(([x, y]): [number, [number, number, number]] => [nearest([x, y], old), [x, y, 1]])
    .reduceByKey(([x1, y1, n1], [x2, y2, n2]) => [x1 + x2, y1 + y2, n1 + n2])
    .collectAsMap();
  centres = old.map((centre, i) => {
    const [x, y, n] = sums.get(i) ?? [...centre, 1];
    return [x / n, y / n];
  });
}

const found = centres.toSorted(([a], [b]) => a - b);
const members = await points.map((point) => nearest(point, found)).countByValue();
console.log(`${size} points around ${found.length} centres, after ${rounds} rounds:`);
for (const [i, [x, y]] of found.entries())
  console.log(`${x.toFixed(3).padStart(8)} ${y.toFixed(3).padStart(8)}  ${members.get(i)} points`);
const cost = await points.map((point) => squaredDistance(point, found[nearest(point, found)] as Point)).sum();
console.log(`mean squared distance ${(cost / size).toFixed(4)}`);
