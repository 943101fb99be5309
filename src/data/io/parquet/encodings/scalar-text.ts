import type { TimeUnit } from '../schema.ts';

/** Ticks of a unit in a second. */
const ticksPerSecond: Readonly<Record<TimeUnit, number>> = { ms: 1e3, us: 1e6, ns: 1e9 };
const fractionDigits: Readonly<Record<TimeUnit, number>> = { ms: 3, us: 6, ns: 9 };
const secondsPerDay = 86_400;
/** The days from the epoch that a Date reaches, either way. */
export const maxDateDays = 100_000_000;

/** An unscaled number with its point: -12345 at scale 2 is "-123.45". Always exactly `scale` digits behind the point. */
export function decimalText(unscaled: number | bigint, scale: number): string {
  const digits = String(unscaled);
  if (scale === 0) return digits;
  const isNegative = digits.charCodeAt(0) === 45;
  const magnitude = (isNegative ? digits.slice(1) : digits).padStart(scale + 1, '0');
  const point = magnitude.length - scale;
  return `${isNegative ? '-' : ''}${magnitude.slice(0, point)}.${magnitude.slice(point)}`;
}

/** Ticks since midnight as `HH:MM:SS.fff`, with as many digits as the unit has. */
export function timeText(ticks: bigint, unit: TimeUnit): string {
  const perSecond = BigInt(ticksPerSecond[unit]);
  const seconds = Number(ticks / perSecond);
  const fraction = String(ticks % perSecond).padStart(fractionDigits[unit], '0');
  return `${clock(seconds)}.${fraction}`;
}

/** Ticks since the epoch as ISO text, with as many digits as the unit has, and a Z when they count from UTC. */
export function timestampText(ticks: bigint, unit: TimeUnit, isUtc: boolean): string {
  const perSecond = BigInt(ticksPerSecond[unit]);
  const fraction = ((ticks % perSecond) + perSecond) % perSecond;
  const seconds = Number((ticks - fraction) / perSecond);
  const days = Math.floor(seconds / secondsPerDay);
  const digits = String(fraction).padStart(fractionDigits[unit], '0');
  return `${dayText(days)}T${clock(seconds - days * secondsPerDay)}.${digits}${isUtc ? 'Z' : ''}`;
}

/** Days since the epoch as `YYYY-MM-DD`; years beyond four digits have a sign, as ISO 8601 asks. */
export function dayText(days: number): string {
  const { year, month, day } = civilFromDays(days);
  const digits = String(Math.abs(year)).padStart(year < 0 || year > 9999 ? 6 : 4, '0');
  return `${year < 0 ? '-' : year > 9999 ? '+' : ''}${digits}-${two(month)}-${two(day)}`;
}

/**
 * The Gregorian date of a day number, also beyond what Date reaches.
 * @see Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days
 */
function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function clock(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** A two's complement integer of any length, most significant byte first: exact. */
export function bigEndianInteger(bytes: Uint8Array, start: number, length: number): number | bigint {
  if (length === 0) return 0;
  if (length <= 6) {
    let value = (bytes[start]! << 24) >> 24;
    for (let index = 1; index < length; index++) value = value * 256 + bytes[start + index]!;
    return value;
  }
  let value = BigInt((bytes[start]! << 24) >> 24);
  for (let index = 1; index < length; index++) value = (value << 8n) | BigInt(bytes[start + index]!);
  return value;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function uuidText(bytes: Uint8Array, start: number): string {
  let text = '';
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += '-';
    text += hex[bytes[start + index]!]!;
  }
  return text;
}

/** @see IEEE 754-2019, binary16 */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
