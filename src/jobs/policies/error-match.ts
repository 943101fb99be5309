import type { ErrorMatch } from '../definition/retry-options.ts';

const longestChain = 50;

/** The error and its causes, outermost first; a chain that bites its own tail ends. */
export function* causes(error: unknown): Generator<unknown> {
  let at = error;
  for (let depth = 0; at !== undefined && at !== null && depth < longestChain; depth++) {
    yield at;
    at = (at as { readonly cause?: unknown }).cause;
  }
}

/**
 * Whether the error or one of its causes is one of `matches`: an instance of the class, or an error whose `code` or
 * `name` is the string. An error that came from a worker has lost its class, so a class is known by its name too.
 */
export function matchesError(error: unknown, matches: readonly ErrorMatch[]): boolean {
  if (matches.length === 0) return false;
  for (const cause of causes(error)) {
    if (matches.some((match) => matchesOne(cause, match))) return true;
  }
  return false;
}

const classesOf: unique symbol = Symbol('millrace.classes');

/** Notes the names of the classes that an error had where it was thrown. @returns the error */
export function markClasses(error: Error, classes: readonly string[]): Error {
  return Object.defineProperty(error, classesOf, { value: classes });
}

function matchesOne(error: unknown, match: ErrorMatch): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (typeof match === 'string') return code === match || name === match;
  if (error instanceof match) return true;
  if (!(error instanceof Error) || match.name === '') return false;
  const { [classesOf]: classes = [] } = error as { readonly [classesOf]?: readonly string[] };
  return name === match.name || classes.includes(match.name);
}
