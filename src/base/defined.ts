import { MillraceError } from './errors.ts';

/** `value`, or an MR_BUG error that names what was missing: for what an invariant guarantees. */
export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new MillraceError(
      'MR_BUG',
      `${what} is missing. This is a bug in millrace: please report it with the plan printed by explain().`,
    );
  }
  return value;
}
