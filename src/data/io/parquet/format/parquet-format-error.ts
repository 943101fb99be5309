/**
 * Bytes that break the Parquet format, found below the level that knows the file's name.
 * `readMetadata` and the column reader turn it into an MR_PARSE that names the file; nothing else may catch it.
 */
export class ParquetFormatError extends Error {
  override readonly name: string = 'ParquetFormatError';
  /** Where, in the file, or in the metadata being decoded. */
  offset: number | undefined;

  constructor(reason: string, offset?: number) {
    super(reason);
    this.offset = offset;
  }
}

/** A feature of the format that nobody can read without its specification: an MR_UNSUPPORTED once the file is known. */
export class ParquetUnsupportedError extends ParquetFormatError {
  override readonly name = 'ParquetUnsupportedError';
}
