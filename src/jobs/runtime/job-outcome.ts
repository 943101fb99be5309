import type { BatchStatus } from '../definition/batch-status.ts';

/** The status and exit code of a job by those of its steps (ST-4). */
export function jobOutcome(
  steps: readonly { readonly status: BatchStatus; readonly allowFailure: boolean }[],
  /** Whether a step was not begun because of a stop. */
  isCutShort: boolean,
): { readonly status: 'COMPLETED' | 'FAILED' | 'STOPPED'; readonly exitCode: string } {
  if (steps.some(({ status, allowFailure }) => status === 'FAILED' && !allowFailure)) {
    return { status: 'FAILED', exitCode: 'FAILED' };
  }
  if (isCutShort || steps.some(({ status }) => status === 'STOPPED')) return { status: 'STOPPED', exitCode: 'STOPPED' };
  const isDegraded = steps.some(({ status }) => status === 'FAILED');
  return { status: 'COMPLETED', exitCode: isDegraded ? 'DEGRADED' : 'COMPLETED' };
}
