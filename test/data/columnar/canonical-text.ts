import { types } from 'node:util';

/** A text that is the same exactly for equal keys: the plain reference for keysEqual. Fields, Maps and Sets are sorted. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return `n${value + 0}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${Array.from(value, canonicalText).join()}]`;
  if (types.isDate(value)) return `Date(${value.getTime()})`;
  if (types.isMap(value)) {
    return `Map(${[...value].map(([key, item]) => `${canonicalText(key)}=>${canonicalText(item)}`).sort()})`;
  }
  if (types.isSet(value)) return `Set(${[...value].map(canonicalText).sort()})`;
  if (types.isRegExp(value)) return `RegExp(${JSON.stringify(value.source)},${value.flags})`;
  if (types.isNativeError(value)) return `Error(${canonicalText(value.name)},${canonicalText(value.message)})`;
  if (types.isBoxedPrimitive(value)) return `Object(${canonicalText(value.valueOf())})`;
  const tag = Object.prototype.toString.call(value);
  if (ArrayBuffer.isView(value))
    return `${tag}(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')})`;
  if (types.isAnyArrayBuffer(value)) return `${tag}(${Buffer.from(value).toString('hex')})`;
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`);
  return `{${fields.sort().join()}}`;
}
