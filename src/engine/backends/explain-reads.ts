import { captureClosures } from '../../base/closures/capture.ts';
import { CapturedRowUse } from '../../base/closures/row-use.ts';
import type { FunctionToShip } from '../../base/closures/user-function.ts';
import { MillraceError } from '../../base/errors.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import { describeReads } from '../../data/io/parquet/describe-reads.ts';
import type { ParquetSplit } from '../../data/io/parquet/plan.ts';
import type { SourcePlan } from '../../data/io/source-spec.ts';
import type { LoopStep } from '../../plan/codegen/loop-step.ts';
import type { NarrowStep } from '../../plan/lineage/node.ts';
import { rowUse } from '../../plan/stages/source-use.ts';

/** What tasks will read of a source whose rows go through these steps; undefined for formats that are read whole. */
export function explainReads(
  { source, splits }: SourcePlan,
  steps: readonly NarrowStep[],
  fileSystems: FileSystems,
): string | undefined {
  if (source.format !== 'parquet' || !('layouts' in source.options)) return undefined;
  const functions: { readonly op: 'filter' | 'map' | 'flatMap'; readonly fn: FunctionToShip }[] = [];
  for (const step of steps) {
    if (step.op !== 'filter' && step.op !== 'map' && step.op !== 'flatMap') break;
    functions.push({ op: step.op, fn: step.fn });
    if (step.op !== 'filter') break;
  }
  const loop = functions.map(({ op }, fn): LoopStep => ({ op, fn }));
  try {
    const closures = captureClosures(functions.map(({ fn }) => fn));
    const use = rowUse(loop, new CapturedRowUse(closures), false);
    return describeReads(splits as readonly ParquetSplit[], source.options, use, (file) =>
      fileSystems.of(file.uri).openRead(file.uri, file),
    );
  } catch (error) {
    // The action will fail with it; explain shows it where it belongs.
    if (error instanceof MillraceError) return `cannot be read: ${error.message}`;
    throw error;
  }
}
