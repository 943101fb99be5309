import { MillraceError } from '../../base/errors.ts';
import type { ReadSettings, SourceSpec } from './source-spec.ts';
import type { Split } from './split.ts';

/** The rows of one split, in batches: see `readSplit` in `source.ts`. */
export type SplitReader = (source: SourceSpec, split: Split, settings?: ReadSettings) => Iterable<readonly unknown[]>;

/**
 * Loads what reads a format. A worker does so with the first stage that needs it: the readers of all formats together take longer to
 * load than everything else in a worker, and text, which most first programs read, needs little.
 */
export async function loadSplitReader(format: SourceSpec['format']): Promise<SplitReader> {
  if (format !== 'text') return (await import('./source.ts')).readSplit;
  const { readTextSplit } = await import('./text-reader.ts');
  return (source, split, settings = {}) => {
    if (source.format !== 'text') throw new MillraceError('MR_BUG', `the reader of text was given ${source.format}.`);
    return readTextSplit(split, source.options, settings);
  };
}
