/**
 * A copy that shares nothing that can be changed: arrays, plain objects and class instances (with their prototype), Maps, Sets, Dates,
 * typed arrays; cycles are kept. Functions are shared; private `#fields` cannot be copied.
 */
export function deepCopy<T>(value: T, seen: Map<unknown, unknown> = new Map()): T {
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known as T;
  const remember = <C>(copy: C): C => {
    seen.set(value, copy);
    return copy;
  };
  if (value instanceof Date || value instanceof RegExp || ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return remember(structuredClone(value));
  if (value instanceof Map) {
    const copy = remember(new Map<unknown, unknown>());
    for (const [key, item] of value) copy.set(deepCopy(key, seen), deepCopy(item, seen));
    return copy as T;
  }
  if (value instanceof Set) {
    const copy = remember(new Set<unknown>());
    for (const item of value) copy.add(deepCopy(item, seen));
    return copy as T;
  }
  const copy = remember(Array.isArray(value) ? new Array(value.length) : Object.create(Object.getPrototypeOf(value)));
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (descriptor === undefined || (key === 'length' && Array.isArray(value))) continue;
    if ('value' in descriptor) descriptor.value = deepCopy(descriptor.value, seen);
    Object.defineProperty(copy, key, descriptor);
  }
  return copy as T;
}
