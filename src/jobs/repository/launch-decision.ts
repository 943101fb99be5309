import type { ErrorCode } from '../../base/errors.ts';
import type { BatchStatus } from '../definition/batch-status.ts';
import { isActive } from '../definition/batch-status.ts';

export interface LaunchWish {
  readonly onComplete: 'refuse' | 'noop' | 'again';
  readonly force: boolean;
  readonly restartable: boolean;
}

/** What a launch does, by the last execution of the newest instance (ST-15, ST-17). */
export type LaunchDecision =
  | { readonly kind: 'first' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'fromScratch' }
  | { readonly kind: 'noop' }
  | { readonly kind: 'nextRun' }
  | { readonly kind: 'active' }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

export function decideLaunch(last: BatchStatus | undefined, wish: LaunchWish): LaunchDecision {
  if (last === undefined) return { kind: 'first' };
  if (isActive(last)) return { kind: 'active' };
  if (last === 'ABANDONED') {
    return !wish.force && wish.onComplete === 'again' ? { kind: 'nextRun' } : refused('MR_JOB_ABANDONED');
  }
  if (wish.force) return wish.restartable ? { kind: 'fromScratch' } : refused('MR_JOB_NOT_RESTARTABLE');
  if (last === 'COMPLETED') {
    switch (wish.onComplete) {
      case 'refuse':
        return refused('MR_JOB_ALREADY_COMPLETE');
      case 'noop':
        return { kind: 'noop' };
      case 'again':
        return { kind: 'nextRun' };
    }
  }
  return wish.restartable ? { kind: 'restart' } : refused('MR_JOB_NOT_RESTARTABLE');
}

function refused(code: ErrorCode): LaunchDecision {
  return { kind: 'refused', code };
}
