/** Strings first, so that digits inside them are not taken for numbers; then integers of 16 digits and more, but no parts of fractions. */
const token = /"(?:[^"\\]|\\.)*"|(?<![\d.eE]|[eE][+-])-?[1-9]\d{15,}(?![\d.eE]|\s*:)/g;

/** Whether a text may hold an integer beyond 2**53. Quick, and now and then wrong about digits in a string. */
const candidate = /(?:^|[\s:,[-])\d{16,}(?![\d.eE])/;

export function mayHoldBigInts(text: string): boolean {
  return candidate.test(text);
}

/**
 * `JSON.parse`, with integers beyond 2**53 as bigints instead of rounded numbers. Slower; for text that has such digits.
 * While it is parsed they are strings that begin with a mark that the text does not contain.
 */
export function parseWithBigInts(text: string): unknown {
  let mark = '#bigint';
  const shown = text.includes('\\u')
    ? text.replace(escaped, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;
  while (shown.includes(mark)) mark += '#';
  const marked = text.replace(token, (found) =>
    found.charCodeAt(0) !== quote && !Number.isSafeInteger(Number(found)) ? `"${mark}${found}"` : found,
  );
  return unmarked(JSON.parse(marked), mark);
}

const quote = 34;
/** A mark may hide in a string that escapes a letter of it. */
const escaped = /\\u([0-9a-f]{4})/gi;

/** Changes objects and arrays where they are. */
function unmarked(value: unknown, mark: string): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (typeof field !== 'string' && typeof field !== 'object') continue;
    const plain = unmarked(field, mark);
    // Assigning to "__proto__" would set the prototype.
    if (plain !== field)
      Object.defineProperty(fields, key, { value: plain, writable: true, enumerable: true, configurable: true });
  }
  return value;
}
