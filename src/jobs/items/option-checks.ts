import { MillraceError } from '../../base/errors.ts';
import type { StandardSchemaV1 } from '../definition/standard-schema.ts';

/** @throws {MillraceError} MR_OPTION_INVALID unless `holds` */
export function checkOption(holds: boolean, where: string, name: string, value: unknown, allowed: string): void {
  if (holds) return;
  const shown = ['function', 'symbol', 'bigint', 'undefined'].includes(typeof value)
    ? String(value)
    : JSON.stringify(value);
  throw new MillraceError('MR_OPTION_INVALID', `${where}: ${name} must be ${allowed}, got ${shown}.`);
}

/** Of a file to read or write. */
export function checkPath(where: string, path: unknown): void {
  checkOption(typeof path === 'string' && path !== '', where, 'path', path, 'text that names a file');
}

export function checkFunctionOption(where: string, name: string, value: unknown): void {
  checkOption(typeof value === 'function', where, name, value, 'a function');
}

/** Of what is read. */
export function checkSchema(where: string, schema: unknown): void {
  const validate = (schema as StandardSchemaV1 | null | undefined)?.['~standard']?.validate;
  const holds = schema === undefined || typeof validate === 'function';
  checkOption(holds, where, 'schema', schema, 'a Standard Schema: of Zod, Valibot, ArkType or your own');
}

/** Names of columns or fields, all different. */
export function isNames(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string' && name !== '') &&
    new Set(value).size === value.length
  );
}

/** Whether it is one character at least, none of them a line end. */
export function isMark(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[\r\n]/.test(value);
}
