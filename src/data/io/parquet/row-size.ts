const sampleStep = 16;

/** About how many bytes rows[start..end) take in a file, from a sample of them. */
export function estimateBytes(rows: readonly unknown[], start: number, end: number): number {
  let sampled = 0;
  let size = 0;
  for (let index = start; index < end; index += sampleStep) {
    size += sizeOf(rows[index]);
    sampled++;
  }
  return sampled === 0 ? 0 : (size * (end - start)) / sampled;
}

/** What lies deeper counts as nothing: rows may hold themselves, which writing them refuses. */
const deepest = 200;

function sizeOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (depth > deepest) return 0;
  const parts: readonly unknown[] =
    value instanceof Map ? [...value].flat(1) : Array.isArray(value) ? value : Object.values(value);
  return parts.reduce<number>((sum, part) => sum + sizeOf(part, depth + 1), 8);
}
