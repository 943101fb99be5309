import { MillraceError } from '../../base/errors.ts';
import { activeStatuses } from '../definition/batch-status.ts';
import type { SqlConnection, SqlDatabase, SqlDialect } from './sql/database.ts';
import { dialectSql } from './sql-text.ts';

/** Grows with every change of the tables. */
const schemaVersion = 1;
/** Of Postgres' advisory lock under which the tables are made. */
const migrationLock = 7_145_221;

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
}

// $id, $name and $text are the dialect's types for ids, names that are indexed, and long texts.
const counters = ['read', 'filter', 'write', 'read_skip', 'process_skip', 'write_skip', 'commit', 'rollback', 'retry'];
const tables: readonly Table[] = [
  {
    name: 'job_instance',
    columns: [
      'job_name $name not null',
      '"key" char(64) not null',
      'base_key char(64) not null',
      'run_id bigint',
      'recoveries integer not null default 0',
      'create_time bigint not null',
    ],
    unique: [['job_name', '"key"']],
    indexes: [['job_name', 'base_key']],
  },
  {
    name: 'job_execution',
    columns: [
      'instance_id $id not null',
      'job_name $name not null',
      'status varchar(12) not null',
      'exit_code $text not null',
      'generation integer not null',
      'parent_step_id $id',
      'input $text not null',
      'context $text',
      'failure $text',
      'created_by $text',
      'recoveries integer not null default 0',
      'create_time bigint not null',
      'start_time bigint',
      'end_time bigint',
      'owner varchar(255)',
      'fence bigint not null',
      'lease_until bigint',
      'available_at bigint not null',
      'priority integer not null default 0',
    ],
    indexes: [['instance_id'], ['job_name'], ['status', 'available_at'], ['owner']],
  },
  {
    name: 'job_parameter',
    columns: [
      'execution_id $id not null',
      'name $name not null',
      'type varchar(10) not null',
      'value $text not null',
      'identifying integer not null',
      'position integer not null',
    ],
    indexes: [['execution_id']],
  },
  {
    name: 'step_instance',
    columns: [
      'instance_id $id not null',
      'generation integer not null',
      'step_name $name not null',
      'start_count integer not null default 0',
      'skip_count bigint not null default 0',
      'partitions $text',
      'decision integer',
    ],
    unique: [['instance_id', 'generation', 'step_name']],
  },
  {
    name: 'step_execution',
    columns: [
      'execution_id $id not null',
      'step_name $name not null',
      'position integer not null',
      '"partition" integer',
      'status varchar(12) not null',
      'exit_code $text not null',
      'start_time bigint',
      'end_time bigint',
      ...counters.map((counter) => `${counter}_count bigint not null default 0`),
      'checkpoint $text',
      'checkpoint_version integer',
      'context $text',
      'result $text',
      'failure $text',
      'reused_from $id',
      'skip_reason $text',
      'in_doubt $text',
      'guarantee varchar(12)',
    ],
    indexes: [['execution_id', 'position']],
  },
  {
    name: 'step_attempt',
    columns: [
      'step_execution_id $id not null',
      'execution_id $id not null',
      'attempt integer not null',
      'status varchar(12) not null',
      'error $text',
      'started_at bigint not null',
      'duration_ms bigint not null',
      'wait_ms bigint not null',
      'next_at bigint',
    ],
    indexes: [['execution_id']],
  },
  {
    name: 'skipped_item',
    columns: [
      'execution_id $id not null',
      'instance_id $id not null',
      'step_execution_id $id not null',
      'step_name $name not null',
      '"partition" integer',
      'phase varchar(8) not null',
      '"index" bigint not null',
      'item $text',
      'truncated integer not null',
      'error $text not null',
    ],
    indexes: [['execution_id'], ['instance_id']],
  },
  {
    name: 'execution_event',
    columns: [
      'execution_id $id not null',
      'job_name $name not null',
      'kind varchar(24) not null',
      'at bigint not null',
      'step_name $name',
      '"partition" integer',
      'status varchar(12)',
    ],
    indexes: [['execution_id']],
  },
];

const types: Readonly<Record<SqlDialect, Readonly<Record<string, string>>>> = {
  sqlite: { $id: 'text', $name: 'text', $text: 'text' },
  postgres: { $id: 'varchar(36)', $name: 'varchar(200)', $text: 'text' },
  mysql: { $id: 'varchar(36)', $name: 'varchar(200)', $text: 'longtext' },
};

/** The statements that make the tables, for a database that has none of them. */
function definitions(dialect: SqlDialect): readonly string[] {
  return tables.flatMap((table) => tableStatements(table, dialect)).map((text) => dialectSql(text, dialect));
}

function tableStatements({ name, columns, unique = [], indexes = [] }: Table, dialect: SqlDialect): string[] {
  const full = `millrace_${name}`;
  const typed = ['id $id not null primary key', ...columns].map((column) =>
    column.replace(/\$\w+/, (type) => types[dialect][type] ?? type),
  );
  const active = `status in (${activeStatuses.map((status) => `'${status}'`).join(', ')})`;
  const isExecution = name === 'job_execution';
  const nameOf = (kind: string, parts: readonly string[]): string =>
    `${full}_${kind}_${parts.join('_').replaceAll('"', '')}`;
  if (dialect === 'mysql') {
    // ST-20: NULL when not active, and a unique index takes any number of those.
    const once = isExecution
      ? [
          `active_instance_id varchar(36) generated always as (case when ${active} then instance_id else null end) stored`,
          `unique key ${full}_active (active_instance_id)`,
        ]
      : [];
    const keys = [
      ...unique.map((parts) => `unique key ${nameOf('uq', parts)} (${parts.join(', ')})`),
      ...indexes.map((parts) => `key ${nameOf('ix', parts)} (${parts.join(', ')})`),
    ];
    const inside = [...typed, ...once, ...keys].join(', ');
    return [`create table if not exists ${full} (${inside}) character set utf8mb4 collate utf8mb4_bin engine = InnoDB`];
  }
  const constraints = unique.map((parts) => `unique (${parts.join(', ')})`);
  return [
    `create table if not exists ${full} (${[...typed, ...constraints].join(', ')})`,
    ...indexes.map((parts) => `create index if not exists ${nameOf('ix', parts)} on ${full} (${parts.join(', ')})`),
    ...(isExecution
      ? [`create unique index if not exists ${full}_active on ${full} (instance_id) where ${active}`]
      : []),
  ];
}

/**
 * Makes or updates the tables, once also when several processes start at the same time.
 *
 * @throws {MillraceError} MR_REPOSITORY_TOO_NEW
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  if ((await versionOf(database)) === schemaVersion) return;
  if (database.dialect === 'mysql') await migrateMysql(database);
  else await migrateInTransaction(database);
}

async function migrateInTransaction(database: SqlDatabase): Promise<void> {
  const transaction = await database.begin();
  try {
    if (database.dialect === 'postgres') {
      await transaction.run('select pg_advisory_xact_lock($1)', [migrationLock]);
    }
    await createTables(transaction);
    await transaction.commit();
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

/** MySQL commits each definition by itself, so a named lock keeps others out; every statement may be run again. */
async function migrateMysql(database: SqlDatabase): Promise<void> {
  const connection = await database.begin();
  try {
    await connection.run("select get_lock('millrace_migration', 60)");
    await createTables(connection);
    await connection.run("select release_lock('millrace_migration')");
    await connection.commit();
  } catch (error) {
    // The lock goes with the connection.
    await connection.abandon();
    throw error;
  }
}

async function createTables(connection: SqlConnection): Promise<void> {
  const { dialect } = connection;
  await connection.run('create table if not exists millrace_schema (version integer not null primary key)');
  const { rows } = await connection.run('select max(version) as version from millrace_schema');
  const version = checked(Number(rows[0]?.['version'] ?? 0));
  if (version === schemaVersion) return;
  for (const statement of definitions(dialect)) await connection.run(statement);
  await connection.run(`insert into millrace_schema (version) values (${schemaVersion})`);
}

/** 0 when there are no tables yet. */
async function versionOf(database: SqlDatabase): Promise<number> {
  const exists = {
    sqlite: "select 1 as found from sqlite_master where type = 'table' and name = 'millrace_schema'",
    postgres: "select 1 as found where to_regclass('millrace_schema') is not null",
    mysql:
      "select 1 as found from information_schema.tables where table_schema = database() and table_name = 'millrace_schema'",
  }[database.dialect];
  if ((await database.run(exists)).rows.length === 0) return 0;
  const { rows } = await database.run('select max(version) as version from millrace_schema');
  return checked(Number(rows[0]?.['version'] ?? 0));
}

function checked(version: number): number {
  if (version <= schemaVersion) return version;
  throw new MillraceError(
    'MR_REPOSITORY_TOO_NEW',
    `The repository has schema version ${version}, and this millrace knows up to ${schemaVersion}. Update millrace, or use another repository.`,
    { details: { version, known: schemaVersion } },
  );
}
