import { randomUUID } from 'node:crypto';
import { type CommittedOutput, OutputCommitter } from '../../data/io/output-committer.ts';
import type { OutputSpec, StagedPart } from '../../data/io/output-spec.ts';
import type { ActionCall, Backend } from './backend.ts';

type SaveCall = Omit<ActionCall, 'plan' | 'onValue' | 'partitions'>;

/**
 * Runs an action that writes every partition of `call.node` to `output`, and publishes all of it or nothing.
 *
 * @param correct after everything is written: another output to write instead, because the parts do not fit together
 */
export async function saveOutput(
  backend: Pick<Backend, 'run' | 'fileSystems'>,
  call: SaveCall,
  output: OutputSpec,
  correct: (parts: readonly StagedPart[]) => OutputSpec | undefined = () => undefined,
): Promise<CommittedOutput> {
  const committer = new OutputCommitter(output, randomUUID(), { fileSystems: backend.fileSystems });
  const staging = committer.begin();
  const parts: StagedPart[] = [];
  let corrected: OutputSpec | undefined;
  try {
    await backend.run({
      ...call,
      plan: () => ({ kind: 'save', staging }),
      onValue: (partition, value) => {
        if (value.kind === 'part') parts[partition] = value.part;
      },
    });
    corrected = correct(parts);
  } catch (error) {
    committer.abort();
    throw error;
  }
  if (corrected === undefined) return committer.commit(Object.values(parts));
  committer.abort();
  return saveOutput(backend, call, corrected);
}
