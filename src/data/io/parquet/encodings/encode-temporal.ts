import type { ParquetLeaf } from '../column-shape.ts';
import type { TimeUnit } from '../schema.ts';
import { EncodeError } from './encode-error.ts';
import type { FixedValues } from './fixed-values.ts';

const millisPerDay = 86_400_000;
const ticksPerSecond: Readonly<Record<TimeUnit, bigint>> = { ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n };
const fractionDigits: Readonly<Record<TimeUnit, number>> = { ms: 3, us: 6, ns: 9 };
const int64Most = 2n ** 63n - 1n;

/** Dates at midnight UTC, or texts `YYYY-MM-DD`, as days since the epoch. */
export function fillDates(days: Int32Array, leaf: ParquetLeaf, values: readonly unknown[]): void {
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const day =
      value instanceof Date
        ? value.getTime() / millisPerDay
        : typeof value === 'string'
          ? daysOfText(value)
          : Number.NaN;
    if ((day | 0) !== day) throw new EncodeError(index, value, leaf, ': a Date at midnight UTC or text YYYY-MM-DD');
    days[index] = day;
  }
}

const dayPattern = /^([+-]\d{6,}|\d{4})-(\d\d)-(\d\d)$/;

/** Days since the epoch of an ISO day, or NaN for a text that is none. */
export function daysOfText(text: string): number {
  const match = dayPattern.exec(text);
  if (match === null) return Number.NaN;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return Number.NaN;
  return daysFromCivil(year, month, day);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** @see Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, days_from_civil */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const instantPattern = /^(.+)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]00:?00)?$/;
const clockPattern = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/;

/** Texts `HH:MM:SS.fff` as ticks since midnight. */
export function fillTimes(fixed: FixedValues, leaf: ParquetLeaf, unit: TimeUnit, values: readonly unknown[]): void {
  const ticks = fixed.width === 4 ? undefined : new BigInt64Array(fixed.bytes.buffer);
  const words = new Int32Array(fixed.bytes.buffer);
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const time = typeof value === 'string' ? ticksOfClock(value, unit) : undefined;
    if (time === undefined)
      throw new EncodeError(
        index,
        value,
        leaf,
        `: text HH:MM:SS with at most ${fractionDigits[unit]} digits of fraction`,
      );
    if (ticks === undefined) words[index] = Number(time);
    else ticks[index] = time;
  }
}

/** Ticks since midnight, or undefined for what is no time of day or too fine for the unit. */
export function ticksOfClock(text: string, unit: TimeUnit): bigint | undefined {
  const match = clockPattern.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const fraction = (match[4] ?? '').padEnd(9, '0');
  const digits = fractionDigits[unit];
  if (hours > 23 || minutes > 59 || seconds > 59 || /[1-9]/.test(fraction.slice(digits))) return undefined;
  return BigInt(hours * 3600 + minutes * 60 + seconds) * ticksPerSecond[unit] + BigInt(fraction.slice(0, digits));
}

/** Dates, ISO texts in UTC with all their digits, or bigints of the unit, as ticks since the epoch. */
export function fillTimestamps(
  fixed: FixedValues,
  leaf: ParquetLeaf,
  unit: TimeUnit,
  values: readonly unknown[],
): void {
  const ticks = new BigInt64Array(fixed.bytes.buffer);
  const words = new Int32Array(fixed.bytes.buffer);
  const perMilli = unit === 'ms' ? 1 : unit === 'us' ? 1e3 : 1e6;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const exact =
      value instanceof Date
        ? value.getTime() * perMilli
        : typeof value === 'string'
          ? ticksOfPlainInstant(value, unit)
          : Number.NaN;
    if (Number.isSafeInteger(exact)) {
      words[index * 2] = exact;
      words[index * 2 + 1] = Math.floor(exact / 4294967296);
      continue;
    }
    const instant = ticksOfInstant(value, unit);
    if (instant === undefined || instant > int64Most || instant < -int64Most - 1n)
      throw new EncodeError(index, value, leaf, ': a Date, ISO text in UTC or a bigint of its units since 1970');
    ticks[index] = instant;
  }
}

/** Ticks since the epoch, or undefined for what is no instant or too fine for the unit. */
export function ticksOfInstant(value: unknown, unit: TimeUnit): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? undefined : (BigInt(value.getTime()) * ticksPerSecond[unit]) / 1_000n;
  if (typeof value !== 'string') return undefined;
  const match = instantPattern.exec(value);
  if (match === null) return undefined;
  const days = daysOfText(match[1] ?? '');
  const time = ticksOfClock(match[2] ?? '', unit);
  if (Number.isNaN(days) || time === undefined) return undefined;
  return BigInt(days) * 86_400n * ticksPerSecond[unit] + time;
}

/**
 * As ticksOfInstant, for texts as the reader gives them (`2026-01-31T23:59:59.000001Z`) with exactly the unit's digits and
 * ticks that a number holds; NaN for any other.
 */
function ticksOfPlainInstant(text: string, unit: TimeUnit): number {
  const digits = fractionDigits[unit];
  const end = 20 + digits;
  const isPlain =
    (text.length === end || (text.length === end + 1 && text.charCodeAt(end) === 90)) &&
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    (text.charCodeAt(10) === 84 || text.charCodeAt(10) === 32) &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58 &&
    text.charCodeAt(19) === 46;
  if (!isPlain) return Number.NaN;
  const year = digitsOf(text, 0, 4);
  const month = digitsOf(text, 5, 7);
  const day = digitsOf(text, 8, 10);
  const hours = digitsOf(text, 11, 13);
  const minutes = digitsOf(text, 14, 16);
  const seconds = digitsOf(text, 17, 19);
  const fraction = digitsOf(text, 20, end);
  const isInstant =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysIn(year, month) &&
    hours <= 23 &&
    minutes <= 59 &&
    seconds <= 59;
  if (!isInstant) return Number.NaN;
  const total = daysFromCivil(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds;
  const ticks = total * 10 ** digits + fraction;
  return Number.isSafeInteger(ticks) ? ticks : Number.NaN;
}

function digitsOf(text: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
