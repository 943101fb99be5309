import { createHash } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MillraceError } from '../../base/errors.ts';
import { makeDirectories } from '../../data/io/make-directories.ts';
import { jsonText } from '../definition/json-text.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { fileError } from './file-error.ts';
import { syncDirectory } from './staged-file.ts';

export interface CheckpointStoreOptions {
  /** States kept of an id. Default 5. */
  readonly keepLast?: number;
  /** What to do when the newest state is damaged: throw, or load the one before. Default 'fail'. */
  readonly onCorrupt?: 'fail' | 'ignore';
}

/** A state that was saved. */
export interface SavedCheckpoint {
  /** Grows with each save of the id. */
  readonly sequence: number;
  readonly savedAt: Date;
  readonly sizeBytes: number;
}

/**
 * Keeps the state of long work in files, without a job. A kill while it saves leaves the state before loadable.
 *
 * Layout of a file: `millrace-checkpoint 1 <crc32, hex> <bytes>\n`, then the state as JSON. Names are
 * `<id>.<sequence>.checkpoint`.
 *
 * @example
 * ```ts
 * import { CheckpointStore } from 'millrace/jobs';
 * const store = new CheckpointStore('checkpoints', { keepLast: 2 });
 * await store.save('import', { line: 12_000 });
 * console.log(await store.load('import')); // { line: 12000 }
 * await store.clear('import');
 * ```
 */
export class CheckpointStore {
  readonly #directory: string;
  readonly #keepLast: number;
  readonly #onCorrupt: 'fail' | 'ignore';
  /** Saves of an id follow each other. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(directory: string, options: CheckpointStoreOptions = {}) {
    const { keepLast = 5, onCorrupt = 'fail' } = options;
    if (!(Number.isInteger(keepLast) && keepLast >= 1)) {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `CheckpointStore: keepLast must be an integer of at least 1, got ${keepLast}.`,
      );
    }
    if (onCorrupt !== 'fail' && onCorrupt !== 'ignore') {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `CheckpointStore: onCorrupt must be 'fail' or 'ignore', got ${JSON.stringify(onCorrupt)}.`,
      );
    }
    this.#directory = directory;
    this.#keepLast = keepLast;
    this.#onCorrupt = onCorrupt;
  }

  /** Keeps a state; durable when it resolves. @throws {MillraceError} MR_NOT_JSON */
  async save(id: string, state: JsonValue): Promise<void> {
    const text = jsonText(state, `CheckpointStore: the state of "${id}"`);
    const before = this.#running.get(id) ?? Promise.resolve();
    const saving = before.then(
      () => this.#save(id, text),
      () => this.#save(id, text),
    );
    this.#running.set(id, saving);
    try {
      await saving;
    } finally {
      if (this.#running.get(id) === saving) this.#running.delete(id);
    }
  }

  /**
   * The newest state, undefined if there is none.
   *
   * @throws {MillraceError} MR_CHECKPOINT_CORRUPT when it is damaged, unless `onCorrupt` is 'ignore'
   */
  async load(id: string): Promise<JsonValue | undefined> {
    for (const { path } of await this.#files(id)) {
      const content = await readFile(path);
      const state = stateOf(content);
      if (typeof state !== 'string') return state.value;
      if (this.#onCorrupt === 'ignore') continue;
      throw new MillraceError(
        'MR_CHECKPOINT_CORRUPT',
        `${path} is damaged: ${state}. Remove it to go back to the state before, clear("${id}") to begin anew, or load with onCorrupt: 'ignore'.`,
        { details: { path, id } },
      );
    }
    return undefined;
  }

  /** Forgets all states of an id. */
  async clear(id: string): Promise<void> {
    for (const { path } of await this.#files(id)) await rm(path, { force: true });
  }

  /** The states that are kept of an id, newest first. */
  async list(id: string): Promise<readonly SavedCheckpoint[]> {
    const files = await this.#files(id);
    return Promise.all(
      files.map(async ({ path, sequence }) => {
        const { mtime, size } = await stat(path);
        return { sequence, savedAt: mtime, sizeBytes: size };
      }),
    );
  }

  async #save(id: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const head = Buffer.from(`${header} ${checksum(bytes)} ${bytes.length}\n`);
    const name = fileNameOf(id);
    const temporary = join(this.#directory, `.${name}.tmp`);
    try {
      makeDirectories(this.#directory);
      const [newest, ...older] = await this.#files(id);
      const handle = await open(temporary, 'w');
      try {
        await handle.writeFile(Buffer.concat([head, bytes]));
        await handle.sync();
      } finally {
        await handle.close();
      }
      const sequence = String((newest?.sequence ?? 0) + 1).padStart(12, '0');
      await rename(temporary, join(this.#directory, `${name}.${sequence}${suffix}`));
      await syncDirectory(this.#directory);
      const kept = newest === undefined ? [] : [newest, ...older];
      for (const { path } of kept.slice(this.#keepLast - 1)) await rm(path, { force: true });
    } catch (error) {
      throw fileError('save a checkpoint in', this.#directory, error);
    }
  }

  /** The files of an id, newest first. */
  async #files(id: string): Promise<readonly { readonly path: string; readonly sequence: number }[]> {
    const prefix = `${fileNameOf(id)}.`;
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw fileError('read', this.#directory, error);
    });
    return names
      .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
      .map((name) => ({
        path: join(this.#directory, name),
        sequence: Number(name.slice(prefix.length, -suffix.length)),
      }))
      .filter(({ sequence }) => Number.isInteger(sequence))
      .sort((a, b) => b.sequence - a.sequence);
  }
}

const header = 'millrace-checkpoint 1';
const suffix = '.checkpoint';
const longestName = 150;

/** An id as a file name: letters, digits, - and _ as they are, others escaped; long ids by their hash. */
function fileNameOf(id: string): string {
  const escaped = id.replace(/[^A-Za-z0-9_-]/gu, (character) => `%${Buffer.from(character).toString('hex')}`);
  return escaped.length <= longestName && escaped !== ''
    ? escaped
    : `%${createHash('sha256').update(id).digest('hex')}`;
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** The state in a file, or what is wrong with the file. */
function stateOf(content: Buffer): { readonly value: JsonValue } | string {
  const end = content.indexOf(10);
  const [, crc, size] =
    /^millrace-checkpoint 1 ([0-9a-f]{8}) (\d+)$/.exec(content.toString('latin1', 0, Math.max(end, 0))) ?? [];
  if (crc === undefined) return 'its first line is not that of a checkpoint';
  const bytes = content.subarray(end + 1);
  if (bytes.length !== Number(size)) return `it holds ${bytes.length} bytes of ${size}`;
  if (checksum(bytes) !== crc) return 'its checksum is wrong';
  return { value: JSON.parse(bytes.toString()) as JsonValue };
}
