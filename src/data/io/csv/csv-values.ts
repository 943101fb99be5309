import { MillraceError } from '../../../base/errors.ts';
import type { CsvColumn, CsvType } from './csv-options.ts';
import { fieldEscaped, fieldPlain } from './csv-tokenizer.ts';

/** Turns the bytes of one field into its value; throws {@link misfit} when they do not fit the column's type. */
export type FieldReader = (buffer: Buffer, from: number, to: number, kind: number) => unknown;
export type TextReader = (buffer: Buffer, from: number, to: number, kind: number) => string | null;

/** Thrown by a {@link FieldReader}, always the same object: the reader of the record says what and where. */
export const misfit: Error = new MillraceError('MR_PARSE', 'a field does not fit the type of its column.');

export interface FieldSettings {
  readonly nullValue: string;
  readonly trim: boolean;
  readonly escape: number;
}

/** Text between two bytes of a region whose encoding is settled; set by the reader before each region. */
export interface TextDecoder {
  isUtf8: boolean;
}

/** The reader of one column's fields. `decoder` says how the current region's text is encoded. */
export function fieldReader(column: CsvColumn, settings: FieldSettings, decoder: TextDecoder): FieldReader {
  const text = textReader(settings, decoder);
  if (column.type === 'string') return text;
  const convert = converters[column.type];
  const isStrict = column.isInferred;
  const slow: FieldReader = (buffer, from, to, kind) => {
    const value = text(buffer, from, to, kind);
    return value === null || value === '' ? null : convert(value, isStrict);
  };
  if (settings.trim || settings.nullValue !== '') return slow;
  if (column.type === 'number') return fastNumber(slow, isStrict);
  return column.type === 'boolean' ? fastBoolean(slow) : slow;
}

const zero = 48;
const nine = 57;
const minus = 45;
const point = 46;
/** Exact as doubles, so that digits / power is the correctly rounded value of a short decimal. */
const powersOfTen: Float64Array = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/** `true` and `false` straight from the bytes. */
function fastBoolean(slow: FieldReader): FieldReader {
  return (buffer, from, to, kind) => {
    if (from === to) return null;
    // Little-endian "true" and "fals".
    const start = to - from >= 4 ? wordAt(buffer, from) : 0;
    if (start === 0x65757274 && to - from === 4) return true;
    if (start === 0x736c6166 && to - from === 5 && buffer[from + 4] === 0x65) return false;
    return slow(buffer, from, to, kind);
  };
}

function wordAt(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] as number) |
      ((buffer[at + 1] as number) << 8) |
      ((buffer[at + 2] as number) << 16) |
      ((buffer[at + 3] as number) << 24)) >>>
    0
  );
}

/** Plain decimals of up to 15 digits straight from the bytes; everything else the slow way. */
function fastNumber(slow: FieldReader, isStrict: boolean): FieldReader {
  return (buffer, from, to, kind) => {
    if (from === to) return null;
    let at = from;
    const isNegative = buffer[at] === minus;
    if (isNegative) at++;
    const digitsFrom = at;
    let digits = 0;
    let pointAt = -1;
    if (to - at > 16 || at === to) return slow(buffer, from, to, kind);
    for (; at < to; at++) {
      const byte = buffer[at] as number;
      if (byte >= zero && byte <= nine) digits = digits * 10 + (byte - zero);
      else if (byte === point && pointAt < 0) pointAt = at;
      else return slow(buffer, from, to, kind);
    }
    const numDigits = to - digitsFrom - (pointAt < 0 ? 0 : 1);
    if (numDigits > 15 || pointAt === digitsFrom || pointAt === to - 1) return slow(buffer, from, to, kind);
    if (isStrict && buffer[digitsFrom] === zero && to - digitsFrom > 1 && pointAt !== digitsFrom + 1)
      return slow(buffer, from, to, kind);
    const value = pointAt < 0 ? digits : digits / (powersOfTen[to - pointAt - 1] as number);
    return isNegative ? -value : value;
  };
}

interface BufferSlices {
  utf8Slice(from: number, to: number): string;
  latin1Slice(from: number, to: number): string;
}

const cacheSlots = 4096;
const cachedLength = 24;
/** A column that misses so often, and more than it hits, has too many values for the cache. */
const trialMisses = 8192;

/**
 * Strings, with a small cache of short ones: columns repeat values, and comparing bytes is cheaper than making a string.
 */
export function textReader({ nullValue, trim, escape: escapeByte }: FieldSettings, decoder: TextDecoder): TextReader {
  const cache: string[] = new Array(cacheSlots).fill('');
  // The bytes of each cached string, cachedLength a slot, and how many they are: charCodeAt is slower than a byte.
  const cachedBytes = new Uint8Array(cacheSlots * cachedLength);
  const cachedLengths = new Uint8Array(cacheSlots);
  let hits = 0;
  let misses = 0;
  const isNull = (text: string, kind: number): boolean => kind === fieldPlain && text === nullValue;
  return (buffer, from, to, kind) => {
    if (kind === fieldEscaped) return decodeSlice(withoutEscapes(buffer, from, to, escapeByte), decoder);
    if (trim && kind === fieldPlain) {
      while (from < to && isBlank(buffer[from])) from++;
      while (from < to && isBlank(buffer[to - 1])) to--;
    }
    const length = to - from;
    if (length === 0) return isNull('', kind) ? null : '';
    if (length > cachedLength || decoder.isUtf8 || (misses > trialMisses && misses > hits)) {
      const slices = buffer as unknown as BufferSlices;
      const made = decoder.isUtf8 ? slices.utf8Slice(from, to) : slices.latin1Slice(from, to);
      return isNull(made, kind) ? null : made;
    }
    const hash = hashOf(buffer, from, to);
    const slot = (hash ^ (hash >>> 15)) & (cacheSlots - 1);
    const base = slot * cachedLength;
    let isHit = cachedLengths[slot] === length;
    for (let at = length - 1; isHit && at >= 0; at--) isHit = cachedBytes[base + at] === buffer[from + at];
    if (isHit) hits++;
    else {
      misses++;
      cache[slot] = (buffer as unknown as BufferSlices).latin1Slice(from, to);
      cachedLengths[slot] = length;
      for (let at = 0; at < length; at++) cachedBytes[base + at] = buffer[from + at] as number;
    }
    const text = cache[slot] as string;
    return isNull(text, kind) ? null : text;
  };
}

/** By the length, both ends and the middle only: a collision costs a string, a longer loop costs every field. */
function hashOf(buffer: Buffer, from: number, to: number): number {
  const length = to - from;
  let hash = Math.imul(length, 0x9e3779b1);
  hash = Math.imul(hash ^ ((buffer[from] as number) | ((buffer[to - 1] as number) << 8)), 0x85ebca6b);
  if (length < 3) return hash;
  hash = Math.imul(hash ^ ((buffer[from + 1] as number) | ((buffer[to - 2] as number) << 8)), 0xc2b2ae35);
  if (length < 5) return hash;
  hash = Math.imul(hash ^ ((buffer[from + (length >> 1)] as number) | ((buffer[to - 3] as number) << 8)), 0x27d4eb2f);
  return Math.imul(hash ^ ((buffer[to - 4] as number) | ((buffer[to - 5] as number) << 8)), 0x165667b1);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}

/** The text of a field whose quotes hold escape characters. */
function withoutEscapes(buffer: Buffer, from: number, to: number, escapeByte: number): Buffer {
  const out = Buffer.allocUnsafe(to - from);
  let length = 0;
  for (let at = from; at < to; at++) {
    if (buffer[at] === escapeByte && at + 1 < to) at++;
    out[length++] = buffer[at] as number;
  }
  return out.subarray(0, length);
}

function decodeSlice(bytes: Buffer, decoder: TextDecoder): string {
  return bytes.toString(decoder.isUtf8 ? 'utf8' : 'latin1');
}

type Convert = (text: string, isStrict: boolean) => number | bigint | boolean | Date;

const numberPattern = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const integerPattern = /^[+-]?\d+$/;

const converters: Readonly<Record<Exclude<CsvType, 'string'>, Convert>> = {
  number: (text, isStrict) => {
    const kind = numericKind(text);
    if (kind === 'integer' || kind === 'decimal' || nonFinite.has(text)) return Number(text);
    if (isStrict || !numberPattern.test(text)) throw misfit;
    const value = Number(text);
    // Rounding digits after the point is what a number does; rounding an integer would change an id in silence.
    if (!Number.isFinite(value) || (integerPattern.test(text) && !isExact(text))) throw misfit;
    return value;
  },
  bigint: (text, isStrict) => {
    const kind = numericKind(text);
    if (kind === 'decimal' || (kind === undefined && (isStrict || !integerPattern.test(text)))) throw misfit;
    return BigInt(text.replace('+', ''));
  },
  boolean: (text, isStrict) => {
    const value = booleans.get(text);
    if (value !== undefined) return value;
    const lower = isStrict ? undefined : looseBooleans.get(text.toLowerCase());
    if (lower === undefined) throw misfit;
    return lower;
  },
  date: (text) => {
    const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
    if (parts === null) throw misfit;
    return instantOf(`${text}T00:00:00Z`, Number(parts[3]));
  },
  timestamp: (text) => {
    const parts = /^(\d{4}-\d\d-(\d\d))(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i.exec(
      text,
    );
    if (parts === null) throw misfit;
    const [, day = '', dayOfMonth, minutes = '00:00', seconds = ':00', fraction = '', zone = 'Z'] = parts;
    // A Date holds milliseconds; what is finer must not be lost.
    if (/[1-9]/.test(fraction.slice(3))) throw misfit;
    const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase();
    const date = instantOf(`${day}T${minutes}${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
    if (Number(dayOfMonth) > daysInMonth(day)) throw misfit;
    return date;
  },
};

const nonFinite: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
const booleans: ReadonlyMap<string, boolean> = new Map(
  ['true', 'True', 'TRUE', 'false', 'False', 'FALSE'].map((text) => [text, text.toLowerCase() === 'true']),
);
const looseBooleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['t', true],
  ['f', false],
  ['yes', true],
  ['no', false],
  ['1', true],
  ['0', false],
]);

function instantOf(text: string, dayOfMonth?: number): Date {
  const date = new Date(text);
  // JavaScript reads February 30 as March 2.
  if (Number.isNaN(date.getTime()) || (dayOfMonth !== undefined && date.getUTCDate() !== dayOfMonth)) throw misfit;
  return date;
}

function daysInMonth(day: string): number {
  return new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0)).getUTCDate();
}

/** What a text is to inference: a number that loses nothing, an integer beyond 2**53, a boolean, a date if it may be, or text. */
export type InferredKind = 'integer' | 'decimal' | 'bigInteger' | 'boolean' | 'date' | 'timestamp' | 'string';

export function inferredKind(text: string, mayBeDate: boolean): InferredKind {
  if (booleans.has(text)) return 'boolean';
  const kind = numericKind(text) ?? (nonFinite.has(text) ? 'decimal' : undefined);
  if (kind !== undefined) return kind;
  if (mayBeDate && valueOfText(text, 'date') !== undefined) return 'date';
  return mayBeDate && valueOfText(text, 'timestamp') !== undefined ? 'timestamp' : 'string';
}

/** A text as a value of this type, or undefined when it is none. */
export function valueOfText(text: string, type: CsvType): string | number | bigint | boolean | Date | undefined {
  if (type === 'string') return text;
  try {
    return converters[type](text, false);
  } catch (error) {
    if (error !== misfit) throw error;
    return undefined;
  }
}

/** Numbers as JSON writes them: no leading zeros (007 and 02134 are text), no +, no blank. */
function numericKind(text: string): 'integer' | 'decimal' | 'bigInteger' | undefined {
  const parts = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.exec(text);
  if (parts === null || !Number.isFinite(Number(text))) return undefined;
  if (parts[1] !== undefined || parts[2] !== undefined) return 'decimal';
  return isExact(text) ? 'integer' : 'bigInteger';
}

/** Whether a number holds this integer without rounding it. */
function isExact(integer: string): boolean {
  const value = Number(integer);
  return Number.isSafeInteger(value) || (Number.isFinite(value) && BigInt(value) === BigInt(integer.replace('+', '')));
}
