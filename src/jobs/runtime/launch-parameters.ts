import { MillraceError } from '../../base/errors.ts';
import { type TypedParameter, typedParameters } from '../definition/instance-key.ts';
import type { JobDefinition } from '../definition/step-definition.ts';

/** What a launch gives, checked and, with a schema, converted (ST-12, ST-13). Writes nothing. */
export async function checkParameters(
  job: JobDefinition,
  input: object,
): Promise<{ readonly typed: readonly TypedParameter[]; readonly values: object }> {
  const { name, schema } = job;
  if (schema === undefined) return { typed: typedParameters(name, input, true), values: input };
  const result = await schema['~standard'].validate(input);
  if (result.issues !== undefined) {
    const issues = result.issues.map(({ message, path = [] }) => ({
      message,
      path: path.map((key) => String(typeof key === 'object' ? key.key : key)).join('.'),
    }));
    const said = issues.map(({ message, path }) => (path === '' ? message : `parameter "${path}": ${message}`));
    throw new MillraceError(
      'MR_JOB_PARAMETERS_INVALID',
      `job "${name}": ${said.join('; ')}. Mend what the launch gives.`,
      {
        details: { job: name, issues },
      },
    );
  }
  const values = result.value as object;
  return { typed: typedParameters(name, values, false), values };
}
