import { MillraceError } from '../../../base/errors.ts';
import { describeUri } from '../uri.ts';
import { ParquetFormatError, ParquetUnsupportedError } from './format/parquet-format-error.ts';

/** Where in a file something is wrong, as far as is known. */
export interface ParquetPlace {
  readonly uri: string;
  readonly rowGroup?: number;
  readonly column?: string;
}

/** Runs `read`; what breaks the format becomes an error that names file, row group, column and byte offset. */
export function inParquetFile<T>(place: ParquetPlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParquetFormatError) throw parquetError(place, error);
    // Sizes that no memory holds come from broken bytes: whole files are far smaller.
    if (error instanceof RangeError)
      throw parquetError(place, new ParquetFormatError(`it states sizes that cannot be (${error.message})`), error);
    throw error;
  }
}

function parquetError(place: ParquetPlace, error: ParquetFormatError, cause: Error = error): MillraceError {
  const isUnsupported = error instanceof ParquetUnsupportedError;
  const { uri, rowGroup, column } = place;
  const details = { path: describeUri(uri), rowGroup, column, byteOffset: error.offset };
  return new MillraceError(
    isUnsupported ? 'MR_UNSUPPORTED' : 'MR_PARSE',
    `${describePlace(place)}${error.offset === undefined ? '' : `, byte ${error.offset}`}: ${error.message}.`,
    { cause, details },
  );
}

/** `sales.parquet, row group 2, column price`. */
export function describePlace({ uri, rowGroup, column }: ParquetPlace): string {
  const parts = [describeUri(uri)];
  if (rowGroup !== undefined) parts.push(`row group ${rowGroup}`);
  if (column !== undefined) parts.push(`column ${column}`);
  return parts.join(', ');
}
