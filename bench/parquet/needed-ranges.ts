import { readFileSync } from 'node:fs';
import { parquetMetadata } from 'hyparquet';

/** From the first byte to the one behind the last. */
export interface NeededRange {
  readonly from: number;
  readonly to: number;
}

/** What a query that knows the footer cannot do without: the footer, and the pages of its columns in its row groups. */
export function neededRanges(path: string, columns: readonly string[] | undefined, rowGroups?: number): NeededRange[] {
  const { buffer, byteOffset, length } = readFileSync(path);
  const { metadata_length, row_groups } = parquetMetadata(buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer);
  const ranges: NeededRange[] = [{ from: length - metadata_length - 8, to: length }];
  for (const group of row_groups.slice(0, rowGroups))
    for (const { meta_data: chunk } of group.columns) {
      if (chunk === undefined || columns?.includes(chunk.path_in_schema[0] ?? '') === false) continue;
      const from = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      ranges.push({ from, to: from + Number(chunk.total_compressed_size) });
    }
  return ranges;
}
