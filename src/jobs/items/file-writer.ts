import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MillraceError } from '../../base/errors.ts';
import { compressionOf } from '../../data/io/compression.ts';
import type { FileSystem } from '../../data/io/file-system.ts';
import { makeDirectories } from '../../data/io/make-directories.ts';
import { describeUri, filePath, schemeOf, toUri } from '../../data/io/uri.ts';
import type { ChunkWrite, ItemSink, ItemWriter } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepContext } from '../definition/step-context.ts';
import type { FileEncoder, FileFormat } from './file-encoder.ts';
import { fileSystemsOf } from './file-systems.ts';
import { type ObjectDirectory, ObjectSink, publishObjects } from './object-sink.ts';
import { checkPath } from './option-checks.ts';
import type { PublishesTogether, SinkStart } from './sink-seams.ts';
import {
  existsAlready,
  type OutputOptions,
  StagedFile,
  type StagedState,
  shortHash,
  statOf,
  syncDirectory,
} from './staged-file.ts';

type FileSinkState = StagedState & {
  readonly hasItems: boolean;
  readonly encoder?: JsonValue;
  /** Of the part that an earlier run of the step had published, and that this one writes anew. */
  readonly replaces?: string;
};

/**
 * A writer into one local file, or, in a step with partitions, into `part-00000...` of a directory. In stores without
 * renames (s3:) the path names a directory of objects, see {@link ObjectSink}.
 */
export class FileWriter<O> implements ItemWriter<O>, PublishesTogether {
  readonly guarantee = 'exactlyOnce';
  readonly transactional = false;
  readonly #uri: string;
  /** Of the local file. */
  readonly #path: string;
  readonly #isGzip: boolean;
  readonly #format: FileFormat<O>;
  readonly #options: OutputOptions;

  constructor(path: string, format: FileFormat<O>, options: OutputOptions) {
    checkPath(format.writer, path);
    const uri = toUri(path);
    const { mode } = options;
    if (mode !== undefined && mode !== 'overwrite' && mode !== 'append') {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `${format.writer}: mode must be 'overwrite' or 'append', got ${JSON.stringify(mode)}.`,
      );
    }
    const compression = compressionOf(uri);
    if (compression !== 'none' && compression !== 'gzip') {
      throw new MillraceError(
        'MR_UNSUPPORTED',
        `${format.writer}: ${path} cannot be written piece by piece in this compression. Use .gz, or no compression.`,
      );
    }
    this.#uri = uri;
    this.#path = schemeOf(uri) === 'file' ? filePath(uri) : uri;
    this.#isGzip = compression === 'gzip';
    this.#format = format;
    this.#options = options;
  }

  async open(start: SinkStart): Promise<ItemSink<O>> {
    const { c } = start;
    const store = fileSystemsOf(c).of(this.#uri);
    if (store.scheme !== 'file') return this.#openObjects(store, start);
    const state = start.state as FileSinkState | undefined;
    const { partition } = c;
    const stepOwner = `${c.instanceId}/${c.stepName}`;
    const lastState = start.lastState as FileSinkState | undefined;
    const known = [state?.identity, state?.replaces, lastState?.identity, lastState?.replaces];
    const replaces =
      partition === undefined ? undefined : await this.#checkDirectory(partName(partition.index, this.#isGzip), known);
    const place =
      partition === undefined ? this.#path : join(this.#staging(c), partName(partition.index, this.#isGzip));
    // A part has its name already when its partition was done, or when all were published.
    const published = partition === undefined ? undefined : join(this.#path, basename(place));
    const isOut =
      state !== undefined && published !== undefined && (await statOf(published))?.identity === state.identity;
    const file = await StagedFile.open({
      target: isOut ? published : place,
      options: partition === undefined ? this.#options : { mode: 'overwrite' },
      owner: `${stepOwner}/${partition?.index ?? ''}`,
      run: c.stepExecutionId,
      state,
      lastState,
      isCleanRestart: start.isCleanRestart === true,
    });
    const encoder = this.#format.encoder(state?.encoder);
    const sink = new FileSink(file, encoder, this.#isGzip, state?.hasItems ?? false, replaces);
    if (state === undefined && file.length > 0) {
      try {
        await sink.reopenEnd(this.#path);
      } catch (error) {
        await file.close();
        throw error;
      }
    }
    return sink;
  }

  async publishPartitions(c: StepContext<unknown, unknown>, states: readonly JsonValue[]): Promise<void> {
    const store = fileSystemsOf(c).of(this.#uri);
    if (store.scheme !== 'file') {
      publishObjects(this.#objects(store, c), this.#options, states);
      return;
    }
    const staging = this.#staging(c);
    const replaced = join(
      dirname(this.#path),
      `.${basename(this.#path)}.${shortHash(`${c.instanceId}/${c.stepName}`)}.old`,
    );
    const parts = new Set(states.map((_, index) => partName(index, this.#isGzip)));
    const existing = await statOf(this.#path);
    if ((await statOf(staging)) === undefined) {
      const isOurs = await this.#holds(states.map((state) => (state as FileSinkState).identity));
      if (existing !== undefined && isOurs) {
        await rm(replaced, { recursive: true, force: true });
        return;
      }
      makeDirectories(staging);
    }
    for (const name of await readdir(staging)) {
      if (!parts.has(name)) await rm(join(staging, name), { recursive: true });
    }
    if (existing !== undefined) {
      const isOurs = await this.#holds(states.map((state) => (state as FileSinkState).replaces));
      if (this.#options.mode !== 'overwrite' && !isOurs) throw existsAlready(this.#path);
      await rm(replaced, { recursive: true, force: true });
      await rename(this.#path, replaced);
    }
    await rename(staging, this.#path);
    await syncDirectory(dirname(this.#path));
    if (this.#options.backup === true && (await statOf(replaced)) !== undefined) {
      await rename(replaced, `${this.#path}.${shortHash(c.executionId)}.bak`);
    }
    await rm(replaced, { recursive: true, force: true });
  }

  #openObjects(store: FileSystem, { c, state }: SinkStart): ItemSink<O> {
    const { partition } = c;
    const place = {
      ...this.#objects(store, c),
      partitionIndex: partition?.index ?? 0,
      isAlone: partition === undefined,
    };
    const encoder = (): FileEncoder<O> => this.#format.encoder(undefined);
    return new ObjectSink(place, this.#options, encoder, shortHash(c.stepExecutionId), state);
  }

  #objects(store: FileSystem, c: StepContext<unknown, unknown>): ObjectDirectory {
    if (store.isReadOnly) {
      throw new MillraceError(
        'MR_UNSUPPORTED',
        `${this.#format.writer}: nothing can be written to ${describeUri(this.#uri)}. Write to a local path or to s3:.`,
      );
    }
    return {
      store,
      directory: this.#uri,
      owner: shortHash(`${c.instanceId}/${c.stepName}`),
      suffix: this.#isGzip ? '.gz' : '',
      isGzip: this.#isGzip,
    };
  }

  /** The directory in which the parts wait for each other. */
  #staging(c: StepContext<unknown, unknown>): string {
    return join(dirname(this.#path), `.${basename(this.#path)}.${shortHash(`${c.instanceId}/${c.stepName}`)}.parts`);
  }

  /** Whether the parts of the published directory are these files. */
  async #holds(identities: readonly (string | undefined)[]): Promise<boolean> {
    for (const [index, identity] of identities.entries()) {
      const part = await statOf(join(this.#path, partName(index, this.#isGzip)));
      if (part === undefined || part.identity !== identity) return false;
    }
    return true;
  }

  /** @param known identities of what this step may have published. @returns that of the part, when it is one of them */
  async #checkDirectory(part: string, known: readonly (string | undefined)[]): Promise<string | undefined> {
    if (this.#options.mode === 'append') {
      throw new MillraceError(
        'MR_UNSUPPORTED',
        `${this.#format.writer}: the parts of a step with partitions cannot be appended to ${this.#path}. Use mode: 'overwrite', or another path.`,
      );
    }
    if (this.#options.mode === 'overwrite' || (await statOf(this.#path)) === undefined) return undefined;
    const published = await statOf(join(this.#path, part));
    if (published === undefined || !known.includes(published.identity)) throw existsAlready(this.#path);
    return published.identity;
  }
}

function partName(index: number, isGzip: boolean): string {
  return `part-${String(index).padStart(5, '0')}${isGzip ? '.gz' : ''}`;
}

class FileSink<O> implements ItemSink<O> {
  readonly #file: StagedFile;
  readonly #encoder: FileEncoder<O>;
  readonly #isGzip: boolean;
  readonly #replaces: string | undefined;
  #hasItems: boolean;
  /** The last attempt, and what the file was before it. */
  #attempt: { readonly key: string; readonly length: number; readonly hasItems: boolean } | undefined;

  constructor(
    file: StagedFile,
    encoder: FileEncoder<O>,
    isGzip: boolean,
    hasItems: boolean,
    replaces: string | undefined,
  ) {
    this.#file = file;
    this.#encoder = encoder;
    this.#isGzip = isGzip;
    this.#hasItems = hasItems;
    this.#replaces = replaces;
  }

  /** Appending to an existing file: takes its footer away and finds out whether it holds items. */
  async reopenEnd(path: string): Promise<void> {
    const { header, footer } = this.#encoder;
    this.#hasItems = true;
    if (!this.#isGzip) this.#encoder.appendTo?.(await this.#file.head(64 * 1024), path);
    if (footer.length === 0) return;
    if (this.#isGzip) {
      throw new MillraceError(
        'MR_UNSUPPORTED',
        `${path} cannot be appended to: its last part is compressed. Write to a new file.`,
      );
    }
    const tail = await this.#file.tail(footer.length);
    if (!tail.equals(footer)) {
      throw new MillraceError(
        'MR_OUTPUT_TAMPERED',
        `${path} cannot be appended to: it does not end as this writer ends its files, with ${JSON.stringify(footer.toString())}.`,
        { details: { path } },
      );
    }
    await this.#file.truncate(this.#file.length - footer.length);
    this.#hasItems = this.#file.length > header.length;
  }

  async write(items: readonly O[], { key }: ChunkWrite): Promise<void> {
    this.#attempt = { key, length: this.#file.length, hasItems: this.#hasItems };
    const encoded = this.#encoder.encode(items, !this.#hasItems);
    await this.#file.append(this.#packed(this.#file.length === 0 ? [this.#encoder.header, encoded] : [encoded]));
    this.#hasItems = true;
  }

  /** An attempt that wrote nothing has nothing to take back. */
  async rollback({ key }: ChunkWrite): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.key !== key) return;
    this.#attempt = undefined;
    this.#hasItems = attempt.hasItems;
    await this.#file.truncate(attempt.length);
  }

  state(): JsonValue {
    const encoder = this.#encoder.state?.();
    return {
      ...this.#file.state,
      hasItems: this.#hasItems,
      ...(encoder === undefined ? {} : { encoder }),
      ...(this.#replaces === undefined ? {} : { replaces: this.#replaces }),
    };
  }

  async publish(): Promise<void> {
    const { header, footer } = this.#encoder;
    await this.#file.publish(this.#packed(this.#file.length === 0 ? [header, footer] : [footer]));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** As it stands in the file: with .gz one member a chunk. */
  #packed(pieces: readonly Buffer[]): Buffer {
    const bytes = Buffer.concat(pieces);
    return this.#isGzip && bytes.length > 0 ? gzipSync(bytes) : bytes;
  }
}
