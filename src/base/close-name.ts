/**
 * The candidate that a misspelt name most likely means: the fewest letters left out, added, changed or swapped with their neighbour,
 * whatever their case; undefined when all differ by more than a third of the name.
 */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  let closest: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [closest, least] = [candidate, distance];
  }
  return closest;
}

/** Damerau's distance, each letter edited at most once. */
function editDistance(a: string, b: string): number {
  // distances[i][j]: between the first i letters of a and the first j of b
  const distances = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  // Row 0, and column 0, count the letters of the other text.
  const at = (i: number, j: number): number => distances[i]?.[j] ?? Math.abs(i - j);
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      distances[i]?.push(Math.min(at(i, j - 1) + 1, at(i - 1, j) + 1, changed, swapped));
    }
  return at(a.length, b.length);
}
