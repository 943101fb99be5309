import { MillraceError } from '../../base/errors.ts';
import type { ItemWriter } from '../definition/item-writer.ts';
import { type BinaryFormat, checkBinaryFormat, prefixes } from './binary-reader.ts';
import { FileWriter } from './file-writer.ts';
import type { OutputOptions } from './staged-file.ts';

const nothing = Buffer.alloc(0);

/**
 * The bytes of the items, all of one length or each behind its length. The file appears when the step is complete (ST-50).
 *
 * @throws {MillraceError} MR_VALIDATION for an item of another length, or longer than the prefix can say
 */
export function binaryWriter(path: string, options: OutputOptions & BinaryFormat): ItemWriter<Uint8Array> {
  checkBinaryFormat('binaryWriter', options);
  const encode = (items: readonly Uint8Array[]): Buffer =>
    Buffer.concat(items.flatMap((item) => record(item, options)));
  return new FileWriter(
    path,
    { writer: 'binaryWriter', encoder: () => ({ header: nothing, footer: nothing, encode }) },
    options,
  );
}

function record(item: Uint8Array, format: BinaryFormat): readonly Uint8Array[] {
  if ('recordBytes' in format) {
    if (item.length === format.recordBytes) return [item];
    throw new MillraceError(
      'MR_VALIDATION',
      `binaryWriter: an item has ${item.length} bytes, the records ${format.recordBytes}.`,
    );
  }
  const prefix = prefixes[format.lengthPrefix];
  if (item.length >= 2 ** (8 * prefix.bytes)) {
    throw new MillraceError(
      'MR_VALIDATION',
      `binaryWriter: an item has ${item.length} bytes, more than ${format.lengthPrefix} can say.`,
    );
  }
  const head = Buffer.alloc(prefix.bytes);
  prefix.put(head, item.length);
  return [head, item];
}
