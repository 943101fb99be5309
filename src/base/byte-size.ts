const units: Readonly<Record<string, number>> = {
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  t: 2 ** 40,
  tb: 2 ** 40,
};

/** The bytes that `'512mb'`, `'1.5gb'` or a number stands for; NaN for anything else. */
export function byteSize(value: unknown): number {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim()) : null;
  const unit = match === null ? undefined : units[match[2]?.toLowerCase() || 'b'];
  return match === null || unit === undefined ? Number.NaN : Number(match[1]) * unit;
}
