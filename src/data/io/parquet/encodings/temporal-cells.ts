import type { TimeUnit } from '../schema.ts';
import { type Cell, CellError, type CellOptions } from './cell.ts';
import { dayText, maxDateDays, timestampText, timeText } from './scalar-text.ts';

const millisPerDay = 86_400_000;
const maxDateMillis = maxDateDays * millisPerDay;

/** Days since the epoch: a Date at midnight UTC, or ISO text for the days beyond the reach of Date. */
export function dateCell(buffer: ArrayBufferLike): Cell {
  const days = new Int32Array(buffer);
  return (slot) => {
    const day = days[slot]!;
    return day >= -maxDateDays && day <= maxDateDays ? new Date(day * millisPerDay) : dayText(day);
  };
}

export function timeCell(buffer: ArrayBufferLike, width: number, unit: TimeUnit): Cell {
  const ticks = width === 4 ? new Int32Array(buffer) : new BigInt64Array(buffer);
  return (slot) => timeText(BigInt(ticks[slot]!), unit);
}

export function timestampCell(buffer: ArrayBufferLike, unit: TimeUnit, isUtc: boolean, options: CellOptions): Cell {
  const wide = new BigInt64Array(buffer);
  if (options.timestamps === 'bigint') return (slot) => wide[slot]!;
  if (options.timestamps === 'text') return (slot) => timestampText(wide[slot]!, unit, isUtc);
  const words = new Int32Array(buffer);
  const perMilli = unit === 'ms' ? 1 : unit === 'us' ? 1e3 : 1e6;
  return (slot) => {
    const ticks = words[slot * 2 + 1]! * 4294967296 + (words[slot * 2]! >>> 0);
    // A product of safe integers is exact; anything larger goes through BigInt.
    if (Number.isSafeInteger(ticks)) {
      const millis = Math.floor(ticks / perMilli);
      if (millis * perMilli === ticks && millis >= -maxDateMillis && millis <= maxDateMillis) return new Date(millis);
    }
    return exactInstant(wide[slot]!, unit, isUtc, options, slot);
  };
}

/**
 * Impala's and Hive's nanoseconds of a day and a Julian day number. They count from UTC by convention, but do not say so.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md (INT96 timestamps are deprecated)
 */
export function int96Cell(buffer: ArrayBufferLike, options: CellOptions): Cell {
  const view = new DataView(buffer);
  const julianEpoch = 2_440_588n;
  return (slot) => {
    const days = BigInt(view.getInt32(slot * 12 + 8, true)) - julianEpoch;
    const ticks = days * 86_400_000_000_000n + view.getBigInt64(slot * 12, true);
    if (options.timestamps === 'bigint') return ticks;
    if (options.timestamps === 'text') return timestampText(ticks, 'ns', false);
    return exactInstant(ticks, 'ns', false, options, slot);
  };
}

const ticksPerMilli: Readonly<Record<TimeUnit, bigint>> = { ms: 1n, us: 1_000n, ns: 1_000_000n };

function exactInstant(ticks: bigint, unit: TimeUnit, isUtc: boolean, options: CellOptions, slot: number): unknown {
  const perMilli = ticksPerMilli[unit];
  if (ticks % perMilli === 0n) {
    const millis = Number(ticks / perMilli);
    if (millis >= -maxDateMillis && millis <= maxDateMillis) return new Date(millis);
  }
  const text = timestampText(ticks, unit, isUtc);
  if (options.timestamps === 'auto') return text;
  throw new CellError(
    `${text} is no exact Date, which holds whole milliseconds. Read it with timestamps: 'text'.`,
    slot,
  );
}
