/** Writes rows into one file of an output's format. */
export interface PartFileWriter {
  write(rows: readonly unknown[]): void;
  /** @returns the bytes written; undefined if the file was given up because it would say nothing */
  finish(): { readonly sizeBytes: number; readonly columns?: readonly string[] } | undefined;
  abort(): void;
}
