import { gzipSync } from 'node:zlib';
import { MillraceError } from '../../base/errors.ts';
import type { FileStatus, FileSystem } from '../../data/io/file-system.ts';
import { joinUri, nameOf } from '../../data/io/uri.ts';
import type { ChunkWrite, ItemSink } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { FileEncoder } from './file-encoder.ts';
import { existsAlready, type OutputOptions } from './staged-file.ts';

/** The objects that one run of a step has committed. */
type Segment = {
  readonly run: string;
  /** First index of its last object. */
  readonly last: number;
  readonly objects: number;
};
type ObjectSinkState = { readonly segments: readonly Segment[] };

/** Where a step writes its objects. */
export interface ObjectDirectory {
  readonly store: FileSystem;
  readonly directory: string;
  /** Of the step: the same in every run. */
  readonly owner: string;
  /** Of names, such as `.gz`. */
  readonly suffix: string;
  readonly isGzip: boolean;
}

interface ObjectPlace extends ObjectDirectory {
  readonly partitionIndex: number;
  /** Whether the sink is not one of several that are published together. */
  readonly isAlone: boolean;
}

/**
 * A sink in a store without renames (ST-50): one object a chunk, a whole file of its format, named by first index and
 * run. What is committed stands in the manifest, which is written at the end, and then `_SUCCESS`.
 *
 * Invariant: objects of another run, or behind the last committed index of a run, are in no manifest. So what a frozen
 * owner still writes goes nowhere. Kept by {@link publishObjects}.
 */
export class ObjectSink<O> implements ItemSink<O> {
  readonly #place: ObjectPlace;
  readonly #options: OutputOptions;
  readonly #encoder: () => FileEncoder<O>;
  readonly #run: string;
  /** Of earlier runs. */
  readonly #earlier: readonly Segment[];
  #last = -1;
  #objects = 0;
  #attempt: { readonly key: string; readonly uri: string; readonly last: number } | undefined;

  constructor(
    place: ObjectPlace,
    options: OutputOptions,
    encoder: () => FileEncoder<O>,
    run: string,
    state: JsonValue | undefined,
  ) {
    const { segments } = (state as ObjectSinkState | undefined) ?? { segments: [] };
    this.#place = place;
    this.#options = options;
    this.#encoder = encoder;
    this.#run = run;
    this.#earlier = segments.filter((segment) => segment.run !== run);
    const own = segments.find((segment) => segment.run === run);
    if (own !== undefined) {
      this.#last = own.last;
      this.#objects = own.objects;
    }
    if (state === undefined) this.#begin();
  }

  write(items: readonly O[], { firstIndex, key }: ChunkWrite): void {
    const { header, footer, content } = encoded(this.#encoder(), items);
    const bytes = Buffer.concat([header, content, footer]);
    const { store, directory, isGzip, suffix } = this.#place;
    const uri = joinUri(
      directory,
      `${prefixOf(this.#place)}${this.#run}-${String(firstIndex).padStart(14, '0')}${suffix}`,
    );
    const file = store.openWrite(uri);
    file.write(isGzip ? gzipSync(bytes) : bytes);
    file.finish();
    this.#attempt = { key, uri, last: this.#last };
    this.#last = firstIndex;
    this.#objects += 1;
  }

  rollback({ key }: ChunkWrite): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.key !== key) return;
    this.#attempt = undefined;
    this.#place.store.delete(attempt.uri);
    this.#last = attempt.last;
    this.#objects -= 1;
  }

  state(): JsonValue {
    const own: Segment = { run: this.#run, last: this.#last, objects: this.#objects };
    return { segments: this.#objects === 0 ? this.#earlier : [...this.#earlier, own] };
  }

  publish(): void {
    if (this.#place.isAlone) publishObjects(this.#place, this.#options, [this.state()]);
  }

  /** Refuses a directory that holds something, and removes what earlier runs left there without a commit. */
  #begin(): void {
    const { store, directory, owner } = this.#place;
    const found = objectsIn(store, directory);
    const isOurs = (uri: string): boolean => nameOf(uri).includes(`-${owner}-`);
    const foreign = found.find(({ uri }) => !isOurs(uri));
    if (foreign !== undefined && this.#options.mode === undefined) throw existsAlready(directory);
    if (foreign !== undefined) return;
    for (const { uri } of found) if (nameOf(uri).startsWith(prefixOf(this.#place))) store.delete(uri);
  }
}

function encoded<O>(encoder: FileEncoder<O>, items: readonly O[]): { header: Buffer; content: Buffer; footer: Buffer } {
  const content = encoder.encode(items, true);
  return { header: encoder.header, content, footer: encoder.footer };
}

const manifestName = '_manifest.json';
const successName = '_SUCCESS';

interface Manifest {
  readonly owner: string;
  readonly objects: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * Writes the manifest of what the states say is committed, removes all other objects, and says `_SUCCESS`. Doing it
 * again changes nothing.
 *
 * @param states of the sinks, by partition
 */
export function publishObjects(place: ObjectDirectory, options: OutputOptions, states: readonly JsonValue[]): void {
  const { store, directory, owner } = place;
  const manifestUri = joinUri(directory, manifestName);
  const before = readManifest(store, manifestUri);
  if (before !== undefined && before.owner !== owner && options.mode === undefined) throw existsAlready(directory);
  const found = new Map(objectsIn(store, directory).map((status) => [nameOf(status.uri), status]));
  const committed = states.flatMap((state, partitionIndex) => committedIn(found, place, partitionIndex, state));
  const kept =
    options.mode === 'append' ? (before?.objects ?? []).filter(({ name }) => !name.includes(`-${owner}-`)) : [];
  const objects = [...kept, ...committed.map(({ uri, sizeBytes }) => ({ name: nameOf(uri), bytes: sizeBytes }))];
  put(store, manifestUri, JSON.stringify({ owner, objects } satisfies Manifest));
  const names = new Set([...objects.map(({ name }) => name), manifestName, successName]);
  for (const [name, { uri }] of found) if (!names.has(name)) store.delete(uri);
  put(store, joinUri(directory, successName), '');
}

function committedIn(
  found: ReadonlyMap<string, FileStatus>,
  place: ObjectDirectory,
  partitionIndex: number,
  state: JsonValue,
): readonly FileStatus[] {
  const prefix = prefixOf({ ...place, partitionIndex });
  return (state as ObjectSinkState).segments.flatMap(({ run, last, objects }) => {
    const own = [...found]
      .filter(([name]) => name.startsWith(`${prefix}${run}-`) && indexOf(name, place.suffix) <= last)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, status]) => status);
    if (own.length === objects) return own;
    throw new MillraceError(
      'MR_OUTPUT_TAMPERED',
      `${place.directory} holds ${own.length} of ${objects} objects that are committed. Launch with force: true to write them anew.`,
      { details: { path: place.directory, committed: objects, found: own.length } },
    );
  });
}

/** `part-00000-<owner>-`, before run and first index. */
function prefixOf({ partitionIndex, owner }: Pick<ObjectPlace, 'partitionIndex' | 'owner'>): string {
  return `part-${String(partitionIndex).padStart(5, '0')}-${owner}-`;
}

function indexOf(name: string, suffix: string): number {
  const end = name.length - suffix.length;
  return Number(name.slice(name.lastIndexOf('-', end - 1) + 1, end));
}

function objectsIn(store: FileSystem, directory: string): readonly FileStatus[] {
  const found = store.stat(directory);
  if (found === undefined) return [];
  if (found.kind === 'file')
    throw existsAlready(directory, 'it is an object, and the objects of the chunks go below it');
  return store.listRecursive(directory);
}

function readManifest(store: FileSystem, uri: string): Manifest | undefined {
  if (store.stat(uri) === undefined) return undefined;
  const file = store.openRead(uri);
  try {
    const bytes = Buffer.alloc(file.sizeBytes);
    file.readInto(bytes, 0);
    return JSON.parse(bytes.toString()) as Manifest;
  } finally {
    file.close();
  }
}

function put(store: FileSystem, uri: string, text: string): void {
  const file = store.openWrite(uri);
  file.write(Buffer.from(text));
  file.finish();
}
