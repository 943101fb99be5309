import { MillraceError } from '../../base/errors.ts';
import { type TypedParameter, typedParameters } from '../definition/instance-key.ts';
import type { LaunchOptions } from '../definition/job.ts';
import type { StandardSchemaV1 } from '../definition/standard-schema.ts';
import type { JobDefinition } from '../definition/step-definition.ts';

const runIdName = 'run.id';

/** @throws {MillraceError} MR_OPTION_INVALID for a value that an option of a launch does not know */
export function checkLaunchOptions(jobName: string, { onComplete, runId, createdBy, signal }: LaunchOptions): void {
  const invalid = (name: string, value: unknown, allowed: string): never => {
    throw new MillraceError('MR_OPTION_INVALID', `job "${jobName}": ${name} must be ${allowed}, got ${String(value)}.`);
  };
  if (onComplete !== undefined && !['refuse', 'noop', 'again'].includes(onComplete)) {
    invalid('onComplete', onComplete, "'refuse', 'noop' or 'again'");
  }
  if (runId !== undefined && runId !== 'auto') invalid('runId', runId, "'auto'");
  if (createdBy !== undefined && !(typeof createdBy === 'string' && !createdBy.includes('\0'))) {
    invalid('createdBy', JSON.stringify(createdBy), 'text without NUL characters');
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    invalid('signal', signal, 'an AbortSignal');
}

/**
 * The parameters of a launch, typed and as steps see them, and whether one of them identifies. The run id of an instance
 * may be among them; it is no parameter of a schema. `kept` is the input to be stored: the launcher may change its own.
 */
export async function launchParameters(
  job: JobDefinition,
  input: object,
): Promise<{
  readonly parameters: readonly TypedParameter[];
  readonly values: object;
  readonly identifies: boolean;
  readonly kept: object;
}> {
  checkObject(job.name, input);
  typedParameters(job.name, input, true);
  const kept = structuredClone(input);
  const { [runIdName]: runId, ...rest } = kept as Readonly<Record<string, unknown>>;
  const isApart = job.schema !== undefined && runId !== undefined;
  const { typed, values } = await checkParameters(job, isApart ? rest : kept);
  const added = isApart ? typedParameters(job.name, { [runIdName]: runId }, true) : [];
  const parameters = [...typed, ...added];
  return {
    parameters,
    values: isApart ? { ...values, [runIdName]: runId } : values,
    identifies: parameters.some(
      ({ name }) => name === runIdName || job.identity === undefined || job.identity.includes(name),
    ),
    kept,
  };
}

/** What a launch gives, checked and, with a schema, converted (ST-12, ST-13). Writes nothing. */
async function checkParameters(
  job: JobDefinition,
  input: object,
): Promise<{ readonly typed: readonly TypedParameter[]; readonly values: object }> {
  const { name, schema } = job;
  if (schema === undefined) return { typed: typedParameters(name, input, true), values: structuredClone(input) };
  const result = await validate(name, schema, structuredClone(input));
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
        details: { job: name, issues, ...(issues[0] === undefined ? {} : { parameter: issues[0].path }) },
      },
    );
  }
  const values = result.value as object;
  checkObject(name, values);
  return { typed: typedParameters(name, values, false), values };
}

function checkObject(jobName: string, parameters: unknown): void {
  if (typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)) return;
  throw new MillraceError(
    'MR_JOB_PARAMETERS_INVALID',
    `job "${jobName}": its parameters are no object but ${parameters === null ? 'null' : Array.isArray(parameters) ? 'an array' : `a ${typeof parameters}`}. Give them by name: { date: '2026-01-30' }.`,
    { details: { job: jobName } },
  );
}

async function validate(
  jobName: string,
  schema: StandardSchemaV1,
  input: object,
): Promise<Awaited<ReturnType<StandardSchemaV1['~standard']['validate']>>> {
  try {
    return await schema['~standard'].validate(input);
  } catch (error) {
    throw new MillraceError(
      'MR_JOB_PARAMETERS_INVALID',
      `job "${jobName}": the schema of its parameters threw instead of telling issues: ${String(error)}`,
      { cause: error, details: { job: jobName } },
    );
  }
}
