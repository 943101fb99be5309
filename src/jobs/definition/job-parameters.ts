import type { JsonValue } from './json-value.ts';

export type ParameterValue = string | number | bigint | boolean | Date | JsonValue;

/** What a job is launched with; those that identify say which instance it is. */
export type JobParameters = { readonly [name: string]: ParameterValue | undefined };

export type ParameterType = 'String' | 'Integer' | 'Float' | 'Boolean' | 'DateTime' | 'Json';

export interface StoredParameter {
  name: string;
  type: ParameterType;
  /** As it was given. */
  value: ParameterValue;
  identifying: boolean;
}
