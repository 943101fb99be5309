// Learns to tell two kinds of points apart, by gradient descent: node dist-examples/logistic-regression.js [number of points]
import { MillraceContext } from 'millrace';

const size = Number(process.argv[2] ?? 4000);
const rounds = 20;
const step = 4;
/** What the data hide: a constant, then one weight a feature. */
const secret = [0.5, 2, -3, 1];

/** A number from -1 to 1 that looks like chance and is always the same for `n`. */
function noise(n: number): number {
  let bits = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** An example: a constant 1 and three features, and the label that the secret gives it, a little blurred. */
function exampleOf(n: number): { features: number[]; label: 1 | -1 } {
  const features = [1, noise(4 * n), noise(4 * n + 1), noise(4 * n + 2)];
  return { features, label: dot(secret, features) + 0.4 * noise(4 * n + 3) > 0 ? 1 : -1 };
}

await using sc = await MillraceContext.create({ appName: 'logistic regression' });
const examples = sc.range(size).map(exampleOf).cache();
let weights = secret.map(() => 0);
for (let round = 1; round <= rounds; round++) {
  const old = weights; // a function may capture what is never assigned again
  const gradient = await examples
    .map(({ features, label }) => {
      const error = label / (1 + Math.exp(label * dot(old, features)));
      return features.map((x) => x * error);
    })
    .reduce((a, b) => a.map((x, i) => x + (b[i] ?? 0)));
  weights = old.map((weight, i) => weight + (step * (gradient[i] ?? 0)) / size);
  if (round % 5 === 0) {
    const now = weights;
    const right = await examples.filter(({ features, label }) => dot(now, features) * label > 0).count();
    console.log(`round ${String(round).padStart(2)}: ${((100 * right) / size).toFixed(2)} % right`);
  }
}
console.log(`weights ${weights.map((weight) => weight.toFixed(4)).join(' ')}`);
