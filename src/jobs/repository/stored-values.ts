import type { ParameterValue } from '../definition/job-parameters.ts';
import type { JsonValue } from '../definition/json-value.ts';

/** A parameter as JSON text; what JSON has no word for is told by a one-letter tag. */
export function encodeParameter(value: ParameterValue): string {
  if (value instanceof Date) return JSON.stringify(['d', value.toISOString()]);
  if (typeof value === 'bigint') return JSON.stringify(['n', String(value)]);
  return JSON.stringify(['v', Object.is(value, -0) ? 0 : value]);
}

export function decodeParameter(text: string): ParameterValue {
  const [tag, value] = JSON.parse(text) as [string, JsonValue];
  if (tag === 'd') return new Date(String(value));
  return tag === 'n' ? BigInt(String(value)) : value;
}

/** All launch parameters as one text, for the `input` of an execution. */
export function encodeInput(input: object): string {
  const encoded = Object.entries(input as Readonly<Record<string, ParameterValue | undefined>>)
    .filter((entry): entry is [string, ParameterValue] => entry[1] !== undefined)
    .map(([name, value]) => [name, encodeParameter(value)]);
  return JSON.stringify(Object.fromEntries(encoded));
}

export function decodeInput(text: string): Record<string, ParameterValue> {
  const encoded = JSON.parse(text) as Readonly<Record<string, string>>;
  return Object.fromEntries(Object.entries(encoded).map(([name, value]) => [name, decodeParameter(value)]));
}
