const units: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/**
 * Bytes from a size as one writes it: `300mb`, `1.5gb`, `4096`. Units are powers of 1024, upper or lower case.
 *
 * @throws {Error} naming what was given, if it is no such size or not at least one byte
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/i.exec(text.trim());
  const bytes = Math.floor(Number(match?.[1]) * (units[(match?.[2] ?? 'b').toLowerCase()] ?? Number.NaN));
  if (!(bytes >= 1)) throw new Error(`--size must look like 300mb, 2gb or 4096 (bytes), got "${text}".`);
  return bytes;
}
