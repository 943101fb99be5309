import type { MillraceContext } from '../../api/context.ts';
import { MillraceError } from '../../base/errors.ts';
import { type ActionScope, inActionScope } from '../../engine/backends/action-scope.ts';

/** What a dataset step has read and saved: rows of sources and of outputs, those of tasks that were committed (ST-44). */
export interface DatasetCounts {
  read: number;
  write: number;
}

/**
 * Runs a dataset step's function: its actions end with the step's signal, take turns with those of other steps, and save
 * only in ways that may be repeated (ST-50).
 *
 * @param what begins messages
 */
export async function runDataset<T>(
  sc: MillraceContext,
  what: string,
  pool: string,
  signal: AbortSignal,
  run: () => T | Promise<T>,
): Promise<{ readonly value: T; readonly counts: DatasetCounts }> {
  const counts: DatasetCounts = { read: 0, write: 0 };
  const actions = new Set<number>();
  const stages = new Set<number>();
  const scope: ActionScope = {
    signal,
    pool,
    onAction: (actionId) => void actions.add(actionId),
    checkOutput({ mode, uri }) {
      if (mode === 'overwrite' || mode === 'overwritePartitions') return;
      throw new MillraceError(
        'MR_JOB_DEFINITION',
        `${what}: it saves to ${uri} with mode '${mode}', and a restart would save again. Say mode: 'overwrite' or 'overwritePartitions'.`,
        { details: { mode } },
      );
    },
  };
  const forget = [
    sc.on('stageSubmitted', ({ actionId, stageKey }) => {
      if (actions.has(actionId)) stages.add(stageKey);
    }),
    sc.on('taskEnded', ({ stageKey, status, sourceRows, savedRows }) => {
      if (status !== 'succeeded' || !stages.has(stageKey)) return;
      counts.read += sourceRows;
      counts.write += savedRows;
    }),
  ];
  try {
    return { value: await inActionScope(scope, run), counts };
  } finally {
    for (const end of forget) end();
  }
}
