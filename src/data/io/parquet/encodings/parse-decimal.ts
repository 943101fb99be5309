const [minus, point, zero, nine] = [45, 46, 48, 57];
const decimalPattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i;

/**
 * The unscaled integer of a decimal at a scale: "12.5" at scale 2 is 1250n. Undefined for what is no decimal or has more
 * digits behind the point than the scale keeps: nothing is rounded. A number counts as the text that prints it.
 */
export function parseDecimal(value: unknown, scale: number): bigint | undefined {
  if (typeof value === 'bigint') return value * 10n ** BigInt(scale);
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = decimalPattern.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const shift = scale - fraction.length + Number(exponent);
  const digits = BigInt(`${whole}${fraction}`);
  const magnitude = shift >= 0 ? digits * 10n ** BigInt(shift) : divideExactly(digits, 10n ** BigInt(-shift));
  return magnitude === undefined || sign !== '-' ? magnitude : -magnitude;
}

function divideExactly(value: bigint, divisor: bigint): bigint | undefined {
  return value % divisor === 0n ? value / divisor : undefined;
}

/** As parseDecimal, for texts such as "-12.50" with up to 15 digits, which a number holds; NaN for any other. */
export function parseShortDecimal(value: unknown, scale: number): number {
  if (typeof value !== 'string' || value.length > 16) return Number.NaN;
  const isNegative = value.charCodeAt(0) === minus;
  let unscaled = 0;
  let digits = 0;
  let pointAt = -1;
  for (let index = isNegative ? 1 : 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code === point && pointAt < 0) pointAt = digits;
    else if (code >= zero && code <= nine) {
      unscaled = unscaled * 10 + code - zero;
      digits++;
    } else return Number.NaN;
  }
  let missing = scale - (pointAt < 0 ? 0 : digits - pointAt);
  if (digits === 0 || missing < 0 || digits + missing > 15) return Number.NaN;
  for (; missing > 0; missing--) unscaled *= 10;
  return isNegative ? -unscaled : unscaled;
}
