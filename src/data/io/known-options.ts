import { closestName } from '../../base/close-name.ts';
import { MillraceError } from '../../base/errors.ts';

/** Refuses options that do not exist: a misspelt one would be left out without a word. */
export function checkKnownOptions(operator: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const close = closestName(name, known);
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: "${name}" is no option. ${close === undefined ? '' : `Did you mean "${close}"? `}Options are ${known.join(', ')}.`,
      { details: { option: name } },
    );
  }
}

/** Refuses a value that is none of those allowed; undefined stands for the default. */
export function checkOneOf(operator: string, name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || allowed.includes(value)) return;
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `${operator}: ${name} must be one of ${allowed.join(', ')}, got ${shown}.`,
    { details: { option: name } },
  );
}
