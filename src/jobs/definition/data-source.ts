/** Statements on one database. `?` placeholders in every dialect. */
export interface SqlSession {
  query<T = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<T[]>;
  execute(sql: string, parameters?: readonly unknown[]): Promise<{ readonly changes: number }>;
}

/** A database of readers, writers and users' steps. */
export interface DataSource extends SqlSession {
  readonly dialect: 'sqlite' | 'postgres' | 'mysql';
  /** Commits what `run` did through `tx` when it resolves; rolled back if it throws. */
  transaction<T>(run: (tx: SqlSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
