import { addPartitionValues } from '../hive-partitions.ts';
import { positionOfLine, recordError } from '../record-error.ts';
import type { JsonLinesOptions, ReadSettings } from '../source-spec.ts';
import type { Split } from '../split.ts';
import { readTextSplit } from '../text-reader.ts';
import { mayHoldBigInts, parseWithBigInts } from './big-integers.ts';

/** The value of each line of a split; blank lines are skipped. Partition columns are added to rows that are objects. */
export function* readJsonLinesSplit(
  split: Split,
  options: JsonLinesOptions,
  settings: ReadSettings,
): Generator<unknown[]> {
  const { mode = 'fail', int64 = 'auto' } = options;
  let lineIndex = 0;
  for (const lines of readTextSplit(split, options, settings)) {
    const rows: unknown[] = [];
    for (const line of lines) {
      lineIndex++;
      let row: unknown;
      try {
        row = int64 === 'auto' && mayHoldBigInts(line) ? parseWithBigInts(line) : JSON.parse(line);
      } catch (cause) {
        if (/^[ \t\r]*$/.test(line) || mode === 'dropMalformed') continue;
        if (mode === 'fail')
          throw recordError(
            split,
            positionOfLine(split, lineIndex - 1, settings),
            `the line is not JSON: ${(cause as Error).message}`,
            "Mend the file, or read it with mode: 'permissive' or 'dropMalformed'.",
            cause,
          );
        row = { _corruptRecord: line };
      }
      rows.push(row);
    }
    if (split.partitionValues !== undefined) addPartitionValues(rows, split.partitionValues);
    if (rows.length > 0) yield rows;
  }
}
