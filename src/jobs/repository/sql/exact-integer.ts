/** A 64-bit integer as drivers send it: a number when that is exact, else a bigint. */
export function exactInteger(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
