/** A value as messages show it: its kind, and a little of it. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
  if (typeof value === 'bigint') return `the bigint ${value}n`;
  if (typeof value === 'number' || typeof value === 'boolean')
    return `the ${typeof value} ${Object.is(value, -0) ? '-0' : value}`;
  if (value instanceof Date) return `the Date ${Number.isNaN(value.getTime()) ? '(invalid)' : value.toISOString()}`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object')
    return `an object${value.constructor && value.constructor !== Object ? ` of class ${value.constructor.name}` : ''}`;
  return `a ${typeof value}`;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  return !(
    Array.isArray(value) ||
    value instanceof Date ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof RegExp ||
    ArrayBuffer.isView(value)
  );
}
