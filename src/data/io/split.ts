import type { FileStatus } from './file-system.ts';
import type { PartitionValues } from './hive-partitions.ts';

/** A byte range of one file, read by one task: plain data. `start` is included, `end` is not. */
export interface Split {
  readonly uri: string;
  readonly start: number;
  readonly end: number;
  /** What the file looked like at planning; reading another one is MR_INPUT_CHANGED. */
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly version?: string;
  /** Columns from Hive directories above the file, the same for all its rows. */
  readonly partitionValues?: PartitionValues;
  /** Parquet: the row groups of this split, by index. */
  readonly rowGroups?: readonly number[];
}

export interface SplitSettings {
  /** At least this many splits, if the files have enough bytes; more when files are larger than maxSplitBytes. */
  readonly minPartitions: number;
  /** Default 32 MiB: large enough to hide a task's cost, small enough to balance 8 cores on one file of 300 MB. */
  readonly maxSplitBytes?: number | undefined;
}

export const defaultMaxSplitBytes: number = 32 * 1024 * 1024;

/**
 * As many splits as by Hadoop's rule: one each max(1, min(total size / minPartitions, maxSplitBytes)) bytes of a file, of which the last
 * may have a tenth more, so that no sliver is left over. But all splits of a file are of one size: Hadoop cuts off full ones and leaves a
 * small last one, for which the other workers wait. A file has at least one split, also an empty one, and exactly one if it cannot be
 * split.
 */
export function splitFiles(
  files: readonly FileStatus[],
  settings: SplitSettings,
  isSplittable: (file: FileStatus) => boolean = () => true,
): readonly Split[] {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const most = Math.max(
    1,
    Math.min(Math.ceil(total / settings.minPartitions), settings.maxSplitBytes ?? defaultMaxSplitBytes),
  );
  return files.flatMap((file) => {
    if (!isSplittable(file)) return [wholeFile(file)];
    const count = Math.max(1, Math.ceil(file.sizeBytes / most - 0.1));
    const size = Math.ceil(file.sizeBytes / count);
    return Array.from({ length: count }, (_, i) =>
      rangeOf(file, Math.min(i * size, file.sizeBytes), Math.min((i + 1) * size, file.sizeBytes)),
    );
  });
}

/** The split of a whole file: for what can only be read from its beginning. */
export function wholeFile(file: FileStatus): Split {
  return rangeOf(file, 0, file.sizeBytes);
}

/** The file of a split as it was at planning, for `openRead` to compare. */
export function plannedStatus(split: Split): FileStatus {
  const { uri, sizeBytes, modifiedMs, version } = split;
  return version === undefined ? { uri, sizeBytes, modifiedMs } : { uri, sizeBytes, modifiedMs, version };
}

function rangeOf(file: FileStatus, start: number, end: number): Split {
  return { ...file, start, end };
}
