import { createHash } from 'node:crypto';
import { MillraceError } from '../../base/errors.ts';
import type { DataSource, SqlSession } from '../definition/data-source.ts';
import type { ItemSink } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { MarkedChunk, MarkedSink, SinkStart } from './sink-seams.ts';

/** The row of a step or partition, in the database its sink writes to. */
interface Marker {
  readonly fence: number;
  /** The input index behind what was written. */
  readonly index: number;
  /** Key of the last range. */
  readonly lastKey: string;
  readonly record: JsonValue;
}

/**
 * A sink in a database that is not the repository's: its own transaction writes the rows and, in the same breath, how
 * far they go (ST-50). So a retry, or a resume after a crash between its commit and the repository's, finds what was
 * done, and does not do it again.
 *
 * Invariant: the marker's fence only grows; who holds a lower one cannot write. Kept by `#claim` and `write`.
 */
export class MarkedTableSink<O> implements MarkedSink<O> {
  readonly #dataSource: DataSource;
  readonly #id: string;
  readonly #fence: number;
  readonly #writeRows: (tx: SqlSession, items: readonly O[]) => Promise<void>;
  readonly #found: Marker | undefined;

  static async open<O>(
    dataSource: DataSource,
    start: SinkStart,
    writeRows: (tx: SqlSession, items: readonly O[]) => Promise<void>,
  ): Promise<ItemSink<O>> {
    const { c, key = `${c.instanceId}/0/${c.stepName}/${c.partition?.index ?? 0}`, fence = 0 } = start;
    await makeTable(dataSource);
    const id = createHash('sha256').update(key).digest('hex');
    const found = await claim(dataSource, id, key, fence, start.isFromStart === true);
    return new MarkedTableSink(dataSource, id, fence, writeRows, found);
  }

  private constructor(
    dataSource: DataSource,
    id: string,
    fence: number,
    writeRows: (tx: SqlSession, items: readonly O[]) => Promise<void>,
    found: Marker | undefined,
  ) {
    this.#dataSource = dataSource;
    this.#id = id;
    this.#fence = fence;
    this.#writeRows = writeRows;
    this.#found = found;
  }

  marker(): Promise<{ readonly index: number; readonly record: JsonValue } | undefined> {
    return Promise.resolve(this.#found);
  }

  write(items: readonly O[], chunk: MarkedChunk): Promise<void> {
    const { commit, key } = chunk;
    return this.#dataSource.transaction(async (tx) => {
      const marker = await readMarker(tx, this.#dataSource.dialect, this.#id);
      checkFence(marker, this.#fence);
      const isDone = marker.lastKey === key || (commit !== undefined && marker.index >= commit.index);
      if (isDone) return;
      await this.#writeRows(tx, items);
      await tx.execute(
        'update millrace_sink_marker set fence = ?, item_index = ?, last_key = ?, record = ?, update_time = ? where id = ?',
        [this.#fence, commit?.index ?? marker.index, key, JSON.stringify(commit?.record ?? null), Date.now(), this.#id],
      );
    });
  }
}

/** Takes the marker over, so that an owner with a lower fence cannot write any more. @returns what earlier owners left */
function claim(
  dataSource: DataSource,
  id: string,
  key: string,
  fence: number,
  isFromStart: boolean,
): Promise<Marker | undefined> {
  return dataSource.transaction(async (tx) => {
    const found = await findMarker(tx, dataSource.dialect, id);
    if (found === undefined) {
      await tx.execute(
        'insert into millrace_sink_marker (id, sink_key, fence, item_index, last_key, record, update_time) values (?, ?, ?, ?, ?, ?, ?)',
        [id, key, fence, 0, '', 'null', Date.now()],
      );
      return undefined;
    }
    checkFence(found, fence);
    if (isFromStart) {
      await tx.execute(
        "update millrace_sink_marker set fence = ?, item_index = 0, last_key = '', record = 'null' where id = ?",
        [fence, id],
      );
      return undefined;
    }
    await tx.execute('update millrace_sink_marker set fence = ? where id = ?', [fence, id]);
    return found.lastKey === '' ? undefined : found;
  });
}

function checkFence(marker: Marker, fence: number): void {
  if (marker.fence <= fence) return;
  throw new MillraceError(
    'MR_LEASE_LOST',
    `Another process has taken this step over (fence ${marker.fence}, ours is ${fence}); nothing more is written.`,
    { details: { fence, current: marker.fence } },
  );
}

async function readMarker(tx: SqlSession, dialect: DataSource['dialect'], id: string): Promise<Marker> {
  const marker = await findMarker(tx, dialect, id);
  if (marker !== undefined) return marker;
  throw new MillraceError(
    'MR_OUTPUT_TAMPERED',
    'The row of this step in millrace_sink_marker was deleted while it ran. Restart the step.',
  );
}

async function findMarker(tx: SqlSession, dialect: DataSource['dialect'], id: string): Promise<Marker | undefined> {
  const lock = dialect === 'sqlite' ? '' : ' for update';
  const [row] = await tx.query<{ fence: number; item_index: number; last_key: string; record: string }>(
    `select fence, item_index, last_key, record from millrace_sink_marker where id = ?${lock}`,
    [id],
  );
  if (row === undefined) return undefined;
  return {
    fence: Number(row.fence),
    index: Number(row.item_index),
    lastKey: row.last_key,
    record: JSON.parse(row.record) as JsonValue,
  };
}

/** Several processes may do this at once: who loses finds the table there. */
async function makeTable(dataSource: DataSource): Promise<void> {
  const text = dataSource.dialect === 'mysql' ? 'longtext' : 'text';
  const create = `create table if not exists millrace_sink_marker (
    id varchar(64) not null primary key, sink_key ${text} not null, fence bigint not null, item_index bigint not null,
    last_key ${text} not null, record ${text} not null, update_time bigint not null)`;
  try {
    await dataSource.execute(create);
  } catch (error) {
    const isThere = await dataSource.query('select 1 from millrace_sink_marker where 1 = 0').then(
      () => true,
      () => false,
    );
    if (!isThere) throw error;
  }
}
