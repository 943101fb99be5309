import { isShippable } from '../../base/closures/shippable.ts';
import { MillraceError } from '../../base/errors.ts';
import { describeUnsupported, objectKind } from './object-kind.ts';

/** Thrown inside the codec when it meets a value it cannot store; the path is looked for only then. */
export class UnsupportedValue extends Error {
  override readonly name = 'UnsupportedValue';
  readonly value: unknown;

  constructor(value: unknown) {
    super(describeUnsupported(value));
    this.value = value;
  }
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function step(key: string): string {
  return identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Path from `value` to the first thing inside it that cannot be stored, or undefined. Iterative: values may be deep. */
function pathToUnsupported(value: unknown): { path: string; culprit: unknown } | undefined {
  const seen = new Set<unknown>();
  const stack: { path: string; value: unknown }[] = [{ path: '', value }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const current = next.value;
    if (typeof current === 'function' || typeof current === 'symbol') return { path: next.path, culprit: current };
    if (typeof current !== 'object' || current === null || seen.has(current)) continue;
    seen.add(current);
    const inner: typeof stack = [];
    switch (objectKind(current)) {
      case 'unsupported':
        return { path: next.path, culprit: current };
      case 'map':
        for (const [key, item] of current as Map<unknown, unknown>) {
          inner.push({ path: `${next.path}.keys()`, value: key });
          inner.push({
            path: `${next.path}.get(${typeof key === 'string' ? JSON.stringify(key) : '...'})`,
            value: item,
          });
        }
        break;
      case 'set':
        for (const item of current as Set<unknown>) inner.push({ path: `${next.path}.values()`, value: item });
        break;
      case 'array':
        for (const key of Object.keys(current)) {
          const path = /^\d+$/.test(key) ? `${next.path}[${key}]` : next.path + step(key);
          inner.push({ path, value: Reflect.get(current, key) });
        }
        break;
      case 'error':
        inner.push({ path: `${next.path}.cause`, value: (current as Error).cause });
        inner.push({ path: `${next.path}.errors`, value: Reflect.get(current, 'errors') });
        for (const key of Object.keys(current))
          inner.push({ path: next.path + step(key), value: Reflect.get(current, key) });
        break;
      case 'plain':
      case 'instance':
        for (const key of Object.keys(current))
          inner.push({ path: next.path + step(key), value: Reflect.get(current, key) });
        break;
      case 'date':
      case 'bytes':
      case 'buffer':
      case 'regExp':
      case 'typedArray':
      case 'dataView':
      case 'arrayBuffer':
      case 'boxed':
        break;
    }
    stack.push(...inner.reverse());
  }
  return undefined;
}

function advice(culprit: unknown): string {
  if (typeof culprit === 'function') return 'Call it and keep its result, or leave the field out of the row.';
  if (typeof culprit === 'symbol') return 'Use a string instead.';
  if (culprit instanceof Promise) return 'Await it: a function passed to map may be async.';
  if (typeof culprit === 'object' && culprit !== null && isShippable(culprit))
    return 'It lives in the program that made it: keep the values that it holds.';
  if (culprit instanceof URL) return 'Keep String(url) instead.';
  if (culprit instanceof SharedArrayBuffer) return 'Copy it into a Uint8Array, or pass it by broadcast.';
  return 'Keep the plain data that it stands for (an object, array, string or number).';
}

/** The MR_SCHEMA error for the first value of `rows[start..end)` that cannot be stored, naming its place; `within` leads to the values. */
export function unsupportedValueError(
  rows: ArrayLike<unknown>,
  start: number,
  end: number,
  cause: unknown,
  within: string,
): MillraceError {
  for (let row = start; row < end; row++) {
    const found = pathToUnsupported(rows[row]);
    if (found === undefined) continue;
    const path = (within + found.path).replace(/^\./, '');
    const place =
      path === '' ? `row ${row - start}` : `row ${row - start}, field ${path.includes('"') ? path : `"${path}"`}`;
    return new MillraceError(
      'MR_SCHEMA',
      `${place} is ${describeUnsupported(found.culprit)}, which cannot be kept in a column or travel to another thread. ${advice(found.culprit)}`,
      { details: { row: row - start, path } },
    );
  }
  return new MillraceError('MR_BUG', 'The row codec refused a value it cannot find again. Please report it.', {
    cause,
  });
}
