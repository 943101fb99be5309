import type { FileSystems } from '../../data/io/file-systems.ts';
import { openFileSystems } from '../../data/io/remote/open-file-systems.ts';
import type { StepContext } from '../definition/step-context.ts';

/** What the runtime adds to the context of a step whose operator has settings for stores of its own. */
export interface StepStores {
  readonly fileSystems?: FileSystems | undefined;
}

let shared: FileSystems | undefined;

/**
 * The stores that readers and writers of a step reach: those of its operator, or else the engine's with what the
 * environment says. One for the process, for its I/O thread is one.
 */
export function fileSystemsOf(c: StepContext<unknown, unknown>): FileSystems {
  const own = (c as StepStores | undefined)?.fileSystems;
  if (own !== undefined) return own;
  shared ??= openFileSystems();
  return shared;
}
