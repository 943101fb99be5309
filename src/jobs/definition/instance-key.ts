import { createHash } from 'node:crypto';
import { MillraceError } from '../../base/errors.ts';
import type { ParameterType, ParameterValue } from './job-parameters.ts';
import { canonicalJson, notJson } from './json-text.ts';
import type { JsonValue } from './json-value.ts';

/** A parameter with its type and, canonically, its text. */
export interface TypedParameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly value: ParameterValue;
  readonly text: string;
}

const letters: Readonly<Record<ParameterType, string>> = {
  String: 's',
  Integer: 'i',
  Float: 'f',
  Boolean: 'b',
  DateTime: 'd',
  Json: 'j',
};
/** What the column of the name has room for. */
const longestName = 200;
const dateTime = /^(\d{4})-(\d\d)-(\d\d)([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * The type of each parameter that is not undefined (ST-12).
 *
 * @param detectsDates false when a schema has decided: then a string is a string
 * @throws {MillraceError} MR_JOB_PARAMETERS_INVALID naming job and parameter
 */
export function typedParameters(jobName: string, parameters: object, detectsDates: boolean): TypedParameter[] {
  const typed: TypedParameter[] = [];
  for (const [name, value] of Object.entries(parameters) as [string, ParameterValue | undefined][]) {
    if (value === undefined) continue;
    if (name.length > longestName || name.includes('\0')) {
      throw invalid(
        jobName,
        name,
        `has a name of ${name.length} characters. Give one of at most ${longestName}, none of them NUL`,
      );
    }
    typed.push({ name, value, ...typeOf(jobName, name, value, detectsDates) });
  }
  return typed;
}

function typeOf(
  jobName: string,
  name: string,
  value: ParameterValue,
  detectsDates: boolean,
): { readonly type: ParameterType; readonly text: string } {
  switch (typeof value) {
    case 'string': {
      const time = detectsDates ? dateOf(value) : undefined;
      return time === undefined
        ? { type: 'String', text: value }
        : { type: 'DateTime', text: new Date(time).toISOString() };
    }
    case 'bigint':
      return { type: 'Integer', text: String(value) };
    case 'number':
      if (Number.isSafeInteger(value)) return { type: 'Integer', text: String(value + 0) };
      if (Number.isFinite(value)) return { type: 'Float', text: String(value) };
      throw invalid(jobName, name, `is ${value}. Give a finite number`);
    case 'boolean':
      return { type: 'Boolean', text: String(value) };
    case 'object':
      break;
    default:
      throw invalid(jobName, name, `is of type ${typeof value}, which cannot be stored. Give JSON, a bigint or a Date`);
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(jobName, name, 'is an invalid Date. Give a real one');
    return { type: 'DateTime', text: value.toISOString() };
  }
  const wrong = notJson(value);
  if (wrong !== undefined) throw invalid(jobName, name, `is no JSON, for ${wrong}. Give JSON, a bigint or a Date`);
  return { type: 'Json', text: canonicalJson(value as JsonValue) };
}

/** The time that a string names, or undefined: no zone means UTC, the 30th of February names none. */
function dateOf(text: string): number | undefined {
  const match = dateTime.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, time = ''] = match;
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0));
  lastDay.setUTCFullYear(Number(year), Number(month), 0);
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > lastDay.getUTCDate())
    return undefined;
  const clock = time === '' ? 'T00:00' : `T${time.slice(1)}`;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(clock) ? clock.replace(/([+-]\d\d)(\d\d)$/, '$1:$2') : `${clock}Z`;
  // Date.parse reads at most milliseconds everywhere.
  const parsed = Date.parse(`${year}-${month}-${day}${zoned.replace(/(\.\d{3})\d+/, '$1')}`);
  return Number.isNaN(parsed) ? undefined : parsed;
}

function invalid(jobName: string, name: string, what: string): MillraceError {
  return new MillraceError('MR_JOB_PARAMETERS_INVALID', `job "${jobName}": parameter "${name}" ${what}.`, {
    details: { job: jobName, parameter: name },
  });
}

/** The text that the key of an instance is the hash of (ST-10). */
export function canonicalText(parameters: readonly TypedParameter[]): string {
  const sorted = parameters.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return JSON.stringify(sorted.map(({ name, type, text }) => [name, letters[type], text]));
}

/** The key of the instance that these identifying parameters name: lower-case hex SHA-256. */
export function instanceKey(parameters: readonly TypedParameter[]): string {
  return createHash('sha256').update(canonicalText(parameters), 'utf8').digest('hex');
}
