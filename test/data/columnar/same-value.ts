import { types } from 'node:util';

/** Fields that errors of the platform keep out of sight. */
const hiddenInErrors = ['name', 'message', 'stack', 'cause', 'errors'];

/**
 * Strict equality of two values by content, written apart from the code under test: Object.is on leaves, own keys in
 * order, holes, classes of the platform. Objects of users' classes equal plain ones. Cycles match cycles.
 */
export function sameValue(a: unknown, b: unknown, above: ReadonlyMap<object, object> = new Map()): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (above.has(a)) return above.get(a) === b;
  const seen = new Map(above).set(a, b);
  const tag = Object.prototype.toString.call(a);
  if (tag !== Object.prototype.toString.call(b) || Buffer.isBuffer(a) !== Buffer.isBuffer(b)) return false;
  if (types.isDate(a)) return Object.is(a.getTime(), (b as Date).getTime());
  if (types.isRegExp(a)) return String(a) === String(b) && a.lastIndex === (b as RegExp).lastIndex;
  if (types.isBoxedPrimitive(a)) return Object.is(a.valueOf(), b.valueOf());
  if (ArrayBuffer.isView(a)) {
    const other = b as ArrayBufferView;
    return Buffer.compare(bytesOf(a), bytesOf(other)) === 0 && !types.isSharedArrayBuffer(other.buffer);
  }
  if (types.isAnyArrayBuffer(a)) return Buffer.compare(Buffer.from(a), Buffer.from(b as ArrayBuffer)) === 0;
  if (types.isMap(a)) return sameValue([...a], [...(b as typeof a)], seen);
  if (types.isSet(a)) return sameValue([...a], [...(b as typeof a)], seen);
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  const extra = types.isNativeError(a) ? hiddenInErrors.filter((key) => key in a) : [];
  const keys = Object.keys(a).filter((key) => !extra.includes(key));
  const others = Object.keys(b).filter((key) => !extra.includes(key));
  return (
    keys.length === others.length &&
    keys.every((key, index) => key === others[index]) &&
    [...keys, ...extra].every((key) => sameValue(Reflect.get(a, key), Reflect.get(b, key), seen))
  );
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
