/** Strings first, so that digits inside them are not taken for numbers. */
const token = /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const integer = /^-?\d+$/;

/**
 * `JSON.parse`, with integers beyond 2**53 as bigints instead of rounded numbers. Slower; for text that has such digits.
 * They are wrapped in objects with a key that the text does not contain, and unwrapped while it is parsed.
 */
export function parseWithBigInts(text: string): unknown {
  let mark = 'bigint';
  while (text.includes(mark)) mark += '_';
  const marked = text.replace(token, (found) =>
    integer.test(found) && !Number.isSafeInteger(Number(found)) ? `{"${mark}":"${found}"}` : found,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, mark)
      ? BigInt((value as Record<string, string>)[mark] ?? '')
      : value,
  );
}
