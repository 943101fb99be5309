import { MillraceError } from '../../base/errors.ts';
import type { JobDefinition } from '../definition/step-definition.ts';
import type { LaunchRequest } from '../repository/launcher.ts';
import { isTransientSqlError } from '../repository/sql/transient-error.ts';

/** A change of status that ST-2 does not know. */
export function illegal(executionId: string, from: string, to: string): MillraceError {
  return new MillraceError('MR_ILLEGAL_TRANSITION', `Execution ${executionId} is ${from} and cannot become ${to}.`, {
    details: { executionId, from, to },
  });
}

/** Why a launch is refused, and what to do (ST-15). */
export function refusal(
  definition: JobDefinition,
  code: 'MR_JOB_ALREADY_RUNNING' | MillraceError['code'],
  executionId: string,
  { parameters, identity }: LaunchRequest,
): MillraceError {
  const shown = parameters
    .filter(({ name }) => identity === undefined || identity.includes(name))
    .map(({ name, value, text }) => {
      // A date as the launch gave it.
      const given = typeof value === 'string' ? value : text;
      return `${name} ${given.length > 100 ? `${given.slice(0, 100)}…` : given}`;
    });
  const which = `job "${definition.name}"`;
  const forThese = shown.length === 0 ? '' : ` for ${shown.join(', ')}`;
  const said: Partial<Record<MillraceError['code'], string>> = {
    MR_JOB_ALREADY_RUNNING: `${which} is running${forThese}, as execution ${executionId}. Wait for it, or stop it`,
    MR_JOB_ALREADY_COMPLETE: `${which} is complete${forThese}. Change a parameter, or launch with onComplete: 'again', or force: true`,
    MR_JOB_ABANDONED: `${which} was abandoned${forThese}. Change a parameter, or launch with onComplete: 'again'`,
    MR_JOB_NOT_RESTARTABLE: `${which} has run before${forThese} and is defined with restartable: false. Change a parameter`,
  };
  return new MillraceError(code, `${said[code] ?? `${which} cannot be launched${forThese}`}.`, {
    details: { executionId, job: definition.name },
  });
}

export function closed(): MillraceError {
  return new MillraceError('MR_OPERATOR_CLOSED', 'This JobOperator was closed. Create a new one.');
}

/** Whether a launch failed for the sake of the store or the operator. */
export function saysNothingOfJob(error: unknown): boolean {
  return (
    error instanceof MillraceError &&
    (error.code === 'MR_REPOSITORY_UNREACHABLE' || error.code === 'MR_OPERATOR_CLOSED')
  );
}

/** A store that stayed locked, may not be written or is damaged, said as such; other errors as they are. */
export function unreachable(identity: string, error: unknown): unknown {
  if (error instanceof MillraceError) return error;
  const { code } = error as { readonly code?: unknown };
  if (!isTransientSqlError(error) && !(typeof code === 'string' && code.startsWith('SQLITE_'))) return error;
  return new MillraceError(
    'MR_REPOSITORY_UNREACHABLE',
    `The repository ${identity} cannot be used: ${error instanceof Error ? error.message : String(error)}. Nothing was launched. It must be writable, and no other program may hold its lock.`,
    { cause: error, details: { database: identity } },
  );
}
