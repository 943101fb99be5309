declare module 'parquetjs-lite' {
  interface Reader {
    getCursor(): { next(): Promise<Record<string, unknown> | null> };
    close(): Promise<void>;
  }
  interface Writer {
    appendRow(row: Readonly<Record<string, unknown>>): Promise<void>;
    close(): Promise<void>;
    setRowGroupSize(rows: number): void;
  }
  const parquetjs: {
    readonly ParquetSchema: new (fields: Readonly<Record<string, unknown>>) => unknown;
    readonly ParquetReader: { openFile(path: string): Promise<Reader> };
    readonly ParquetWriter: { openFile(schema: unknown, path: string, options?: unknown): Promise<Writer> };
  };
  export default parquetjs;
}
