import { MillraceError } from '../../base/errors.ts';
import type { JsonValue } from './json-value.ts';

/**
 * The value as JSON text, exactly: nothing is dropped or changed on the way.
 *
 * @param what begins the message: `job "daily", step "load": its result`
 * @throws {MillraceError} MR_NOT_JSON, naming the path of what is none
 */
export function jsonText(value: unknown, what: string): string {
  const wrong = notJson(value, '', []);
  if (wrong === undefined) return JSON.stringify(value);
  throw new MillraceError(
    'MR_NOT_JSON',
    `${what} is not JSON: ${wrong}. Use null, booleans, finite numbers, strings, arrays and plain objects.`,
  );
}

/** A description of the first part that is not JSON, or undefined. */
export function notJson(value: unknown, path = '', above: readonly object[] = []): string | undefined {
  const at = path === '' ? 'it' : path;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${at} is ${value}`;
    case 'object':
      break;
    default:
      return `${at} is ${typeof value === 'bigint' ? `the bigint ${value}n` : `of type ${typeof value}`}`;
  }
  if (value === null) return undefined;
  if (above.includes(value)) return `${at} contains itself`;
  const below = [...above, value];
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const wrong = notJson(value[index], `${path}[${index}]`, below);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return `${at} is an instance of ${(value as object).constructor?.name ?? 'a class'}`;
  }
  for (const [key, part] of Object.entries(value)) {
    // As JSON does: a property that is undefined is one that is not there.
    const wrong = part === undefined ? undefined : notJson(part, path === '' ? key : `${path}.${key}`, below);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** JSON with the keys of objects in code-unit order and no spaces. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((part: JsonValue) => canonicalJson(part)).join(',')}]`;
  const entries = Object.entries(value as { readonly [key: string]: JsonValue })
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`).join(',')}}`;
}
