import { RecordBatchReader, Table, tableToIPC } from 'apache-arrow';
import { MillraceError } from '../../../base/errors.ts';
import type { RandomAccessFile } from '../file-system.ts';
import { describeUri } from '../uri.ts';
import { FlatbufferTable } from './flatbuffer-table.ts';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Where the messages of an Arrow IPC file or stream lie, and the schema's message itself. */
export interface IpcMessages {
  /** In a stream a dictionary counts for the batches after it, and a later one may replace it; in a file all count for all. */
  readonly isStream: boolean;
  readonly schema: Uint8Array;
  readonly dictionaries: readonly ByteRange[];
  readonly batches: readonly ByteRange[];
}

/** MessageHeader in Message.fbs of the Arrow format. */
const headerKinds = { schema: 1, dictionary: 2, recordBatch: 3 } as const;
const messageFields = { headerKind: 1, bodyLength: 3 } as const;
/** Footer in File.fbs. */
const footerFields = { dictionaries: 2, recordBatches: 3 } as const;
/** Block in File.fbs: offset int64, metadata length int32 and padding, body length int64. */
const blockBytes = 24;
const continuation = 0xffffffff;
const magic = 'ARROW1';
const trailerBytes = 4 + magic.length;

/** A file says in its footer where everything is; a stream is walked, from the header of one message to the next. */
export function findIpcMessages(file: RandomAccessFile): IpcMessages {
  return readBytes(file, { offset: 0, length: magic.length }).toString('latin1') === magic
    ? messagesOfFile(file)
    : messagesOfStream(file);
}

function messagesOfFile(file: RandomAccessFile): IpcMessages {
  const end = file.sizeBytes - trailerBytes;
  const trailer = end < 8 ? Buffer.alloc(0) : readBytes(file, { offset: end, length: trailerBytes });
  if (trailer.toString('latin1', 4) !== magic)
    throw malformed(file, file.sizeBytes, 'its end mark is missing: it is truncated');
  const length = trailer.readInt32LE(0);
  if (length <= 0 || length > end - 8) throw malformed(file, end, `a footer of ${length} bytes does not fit`);
  const footerBytes = readBytes(file, { offset: end - length, length });
  try {
    const footer = new FlatbufferTable(footerBytes);
    const ranges = (field: number): readonly ByteRange[] =>
      footer.structs(field, blockBytes).map((block) => {
        const range = {
          offset: Number(block.readBigInt64LE(0)),
          length: block.readInt32LE(8) + Number(block.readBigInt64LE(16)),
        };
        if (range.offset < 8 || range.length < 8 || range.offset + range.length > end)
          throw new RangeError('a block lies outside of the file');
        return range;
      });
    return {
      isStream: false,
      schema: schemaMessage(footer.without(footerFields.dictionaries, footerFields.recordBatches)),
      dictionaries: ranges(footerFields.dictionaries),
      batches: ranges(footerFields.recordBatches),
    };
  } catch (cause) {
    throw malformed(file, end - length, `its footer is damaged (${(cause as Error).message})`, cause);
  }
}

/** Some writers put the schema only into the footer; apache-arrow reads it there, in a file that has nothing else. */
function schemaMessage(footer: Buffer): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeInt32LE(footer.length);
  const file = Buffer.concat([Buffer.from(`${magic}\0\0`), footer, length, Buffer.from(magic)]);
  const { schema } = RecordBatchReader.from(file).open();
  const stream = Buffer.from(tableToIPC(new Table(schema), 'stream'));
  return new Uint8Array(stream.subarray(0, 8 + stream.readInt32LE(4)));
}

function messagesOfStream(file: RandomAccessFile): IpcMessages {
  let schema: Uint8Array | undefined;
  const dictionaries: ByteRange[] = [];
  const batches: ByteRange[] = [];
  for (let offset = 0; ; ) {
    const prefix = readBytes(file, { offset, length: 8 });
    // A stream may end without its end mark.
    if (prefix.length === 0 && schema !== undefined) break;
    if (prefix.length < 8 || prefix.readUInt32LE(0) !== continuation)
      throw malformed(file, offset, 'no message begins here');
    const metadataLength = prefix.readInt32LE(4);
    if (metadataLength === 0) break;
    const metadata = readBytes(file, { offset: offset + 8, length: Math.max(0, metadataLength) });
    const { headerKind, bodyLength } = headerOf(metadata, file, offset);
    const range = { offset, length: 8 + metadataLength + bodyLength };
    if (bodyLength < 0 || offset + range.length > file.sizeBytes)
      throw malformed(file, offset, 'the message reaches beyond the end of the file: it is truncated');
    if (headerKind === headerKinds.schema) schema = new Uint8Array(readBytes(file, range));
    else if (headerKind === headerKinds.dictionary) dictionaries.push(range);
    else if (headerKind === headerKinds.recordBatch) batches.push(range);
    offset += range.length;
  }
  if (schema === undefined) throw malformed(file, 0, 'it has no schema');
  return { isStream: true, schema, dictionaries, batches };
}

function headerOf(
  metadata: Buffer,
  file: RandomAccessFile,
  offset: number,
): { readonly headerKind: number; readonly bodyLength: number } {
  try {
    const message = new FlatbufferTable(metadata);
    return { headerKind: message.uint8(messageFields.headerKind), bodyLength: message.int64(messageFields.bodyLength) };
  } catch (cause) {
    throw malformed(file, offset, `its message header is damaged or cut off (${(cause as Error).message})`, cause);
  }
}

/** As many of these bytes as the file has. */
export function readBytes(file: RandomAccessFile, { offset, length }: ByteRange): Buffer {
  const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.sizeBytes - offset)));
  return bytes.subarray(0, file.readInto(bytes, offset));
}

export function malformed(
  file: { readonly uri: string },
  offset: number,
  reason: string,
  cause?: unknown,
): MillraceError {
  return new MillraceError(
    'MR_PARSE',
    `${describeUri(file.uri)} is no Arrow IPC file or stream: at byte ${offset}, ${reason}.`,
    { ...(cause === undefined ? {} : { cause }), details: { uri: file.uri, byteOffset: offset } },
  );
}
