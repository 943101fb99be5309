import { defined } from '../../base/defined.ts';
import { openPlanned } from '../../data/io/open-split.ts';
import type { ParquetSplit } from '../../data/io/parquet/plan.ts';
import type { LoadedStage } from './loaded-stage.ts';

/** A partition as an Arrow IPC stream in shared memory. */
export interface ArrowOutput {
  readonly stream: Uint8Array;
  readonly rows: number;
}

/** The columns of a partition that is a split of a columnar file and nothing else; undefined where rows have to be made. */
export async function arrowOutput(stage: LoadedStage, partition: number): Promise<ArrowOutput | undefined> {
  const { plan, fileSystems } = stage;
  if (plan.kind !== 'source' || plan.source.format !== 'parquet' || !('layouts' in plan.source.options))
    return undefined;
  const { options } = plan.source;
  const splits = stage.splits(plan.nodeId) as readonly ParquetSplit[];
  const { isArrowReadable, readParquetArrow } = await import('../../data/io/parquet/read-arrow.ts');
  if (!isArrowReadable(splits, options)) return undefined;
  const split = defined(splits[partition], `split ${partition}`);
  const file = openPlanned(split, { fileSystems });
  try {
    const encoded = readParquetArrow(file, split, options);
    file.checkUnchanged();
    const stream = new Uint8Array(new SharedArrayBuffer(encoded.length));
    stream.set(encoded);
    return { stream, rows: split.groups.reduce((sum, { numRows }) => sum + numRows, 0) };
  } finally {
    file.close();
  }
}
