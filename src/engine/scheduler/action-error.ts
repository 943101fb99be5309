import { basename } from 'node:path';
import { formatCallSite } from '../../base/call-site.ts';
import { mapUserStack } from '../../base/closures/user-stack.ts';
import { MillraceError } from '../../base/errors.ts';
import type { TaskFailureReason, TransportedError } from '../protocol/task.ts';
import { rebuildError } from '../protocol/transported-error.ts';

/** Where a task failed, for the message. */
export interface FailurePlace {
  readonly stage: string;
  readonly partition: number;
  readonly attempt: number;
  readonly maxAttempts: number;
}

/** The error an action fails with: the user's message, operator, file:line, partition and attempt; the user's stack in `cause`. */
export function actionError(reason: TaskFailureReason, place: FailurePlace): MillraceError {
  const where = `${place.stage}, partition ${place.partition}, attempt ${place.attempt} of ${place.maxAttempts}`;
  const details = { partition: place.partition, attempt: place.attempt };
  switch (reason.kind) {
    case 'userFunction': {
      const cause = rebuildError(mapped(reason.error));
      const row = reason.row === undefined ? '' : ` on row ${reason.row} of the partition`;
      const thrower = `the function of ${reason.operator} at ${formatCallSite(reason.callSite)}`;
      return new MillraceError(
        'MR_USER_FUNCTION',
        `${where}: ${thrower} threw ${cause.name}: ${cause.message}${row}${frameOf(cause.stack)}`,
        { cause, details: { ...details, operator: reason.operator, callSite: reason.callSite, row: reason.row } },
      );
    }
    case 'error': {
      const cause = rebuildError(mapped(reason.error));
      return cause instanceof MillraceError
        ? withPlace(cause, place)
        : new MillraceError('MR_BUG', `${where}: ${cause.name}: ${cause.message}. This is a bug in millrace.`, {
            cause,
            details,
          });
    }
    case 'workerLost':
      return new MillraceError(
        'MR_WORKER_LOST',
        `${where}: the worker thread died (${reason.message}). If it ran out of memory, use more partitions, or reduceByKey instead of groupByKey.`,
        { details },
      );
    case 'fetchFailed':
      return new MillraceError(
        'MR_BLOCK_LOST',
        `${where}: output of map partitions ${reason.mapPartitions.join(', ')} of shuffle ${reason.shuffleId} was lost again and again. Check the disk of tempDir.`,
        { details },
      );
    case 'blockLost':
    case 'notRun':
      return new MillraceError('MR_BUG', `${where}: the task was not run. This is a bug in millrace.`, { details });
  }
}

/** What rows are or a function gave has no place of its own, as the errors of files have. */
function withPlace(error: MillraceError, { stage, partition, attempt }: FailurePlace): MillraceError {
  if (error.code !== 'MR_SCHEMA' && error.code !== 'MR_OPTION_INVALID') return error;
  return new MillraceError(error.code, `${stage}, partition ${partition}: ${error.message}`, {
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    details: { partition, attempt, ...error.details },
  });
}

function mapped(error: TransportedError): TransportedError {
  return {
    ...error,
    stack: error.stack === undefined ? undefined : mapUserStack(error.stack),
    cause: error.cause === undefined ? undefined : mapped(error.cause),
  };
}

/** ` (at parse, report.ts:12)`: the first frame of the user's stack, when there is one. */
function frameOf(stack: string | undefined): string {
  const frame = /^\s*at (?:(?:async )?(\S+) \()?(?:file:\/\/)?([^()\s][^()]*?):(\d+):\d+\)?$/m.exec(stack ?? '');
  if (frame === null) return '';
  const [, name, file, line] = frame;
  return ` (${name === undefined ? '' : `${name}, `}${basename(file ?? '')}:${line})`;
}
