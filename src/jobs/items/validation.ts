import { MillraceError } from '../../base/errors.ts';
import type { StandardResult, StandardSchemaV1 } from '../definition/standard-schema.ts';

/**
 * The value as its schema gives it.
 *
 * @param where begins the message: `sales.csv, line 7`
 * @throws {MillraceError} MR_VALIDATION with the issues in message and `details.issues` (ST-203)
 */
export function validateItem<T>(
  schema: StandardSchemaV1<unknown, T>,
  value: unknown,
  where: string,
  details: Readonly<Record<string, unknown>> = {},
): T | Promise<T> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise
    ? result.then((settled) => accepted(settled, where, details))
    : accepted(result, where, details);
}

function accepted<T>(result: StandardResult<T>, where: string, details: Readonly<Record<string, unknown>>): T {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((key) => String(typeof key === 'object' ? key.key : key)).join('.'),
  }));
  const said = issues.map(({ message, path }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new MillraceError('MR_VALIDATION', `${where}: ${said}`, { details: { ...details, issues } });
}
