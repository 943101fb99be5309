import { MillraceError } from '../../base/errors.ts';
import type { JobDefinition } from '../definition/step-definition.ts';
import type { LaunchRequest } from '../repository/launcher.ts';

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
    .map(({ name, text }) => `${name} ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`);
  const which = `job "${definition.name}"${shown.length === 0 ? '' : ` for ${shown.join(', ')}`}`;
  const said: Partial<Record<MillraceError['code'], string>> = {
    MR_JOB_ALREADY_RUNNING: `${which} is running as execution ${executionId}. Wait for it, or stop it`,
    MR_JOB_ALREADY_COMPLETE: `${which} is complete. Change a parameter, or launch with onComplete: 'again', or force: true`,
    MR_JOB_ABANDONED: `${which} was abandoned. Change a parameter, or launch with onComplete: 'again'`,
    MR_JOB_NOT_RESTARTABLE: `${which} has run before and is defined with restartable: false. Change a parameter`,
  };
  return new MillraceError(code, `${said[code] ?? which}.`, { details: { executionId, job: definition.name } });
}
