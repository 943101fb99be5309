import { expect, it } from 'vitest';
import type { FileSystem } from '../../src/data/io/file-system.ts';
import { FileSystems } from '../../src/data/io/file-systems.ts';
import { listInputFiles } from '../../src/data/io/input-files.ts';
import { planSource, readSplit } from '../../src/data/io/source.ts';
import { joinUri, nameOf } from '../../src/data/io/uri.ts';

export interface FileSystemUnderTest {
  readonly system: FileSystem;
  /** A directory that does not exist yet, another one at each call. */
  readonly freshDirectory: () => string;
}

/** Reads a whole file. */
export function get(system: FileSystem, uri: string): string {
  const file = system.openRead(uri);
  try {
    const bytes = Buffer.alloc(file.sizeBytes);
    expect(file.readInto(bytes, 0)).toBe(file.sizeBytes);
    return bytes.toString();
  } finally {
    file.close();
  }
}

function put(system: FileSystem, uri: string, content: string): void {
  const file = system.openWrite(uri);
  file.write(Buffer.from(content));
  file.finish();
}

const code = (expected: string) => expect.objectContaining({ code: expected });

/** What every store must do that can be read. `place` puts a file there, by whatever means. */
export function readingConformance(
  make: () => FileSystemUnderTest,
  place: (uri: string, content: string) => void = (uri, content) => put(make().system, uri, content),
): void {
  it('describes a file', () => {
    const { system, freshDirectory } = make();
    const uri = joinUri(freshDirectory(), 'deep/er/ä b+#%?&=.txt');
    place(uri, 'hello wörld');
    expect(get(system, uri)).toBe('hello wörld');
    const entry = system.stat(uri);
    expect(entry).toMatchObject({ kind: 'file', name: 'ä b+#%?&=.txt', status: { uri, sizeBytes: 12 } });
    expect(entry?.kind === 'file' && Math.abs(entry.status.modifiedMs - Date.now())).toBeLessThan(60_000);
  });

  it('reads ranges, and less at the end', () => {
    const { system, freshDirectory } = make();
    const uri = joinUri(freshDirectory(), 'ranges');
    place(uri, '0123456789');
    const file = system.openRead(uri);
    const at = (position: number, length: number): string => {
      const target = Buffer.alloc(length);
      return target.subarray(0, file.readInto(target, position)).toString();
    };
    expect([at(0, 3), at(7, 3), at(8, 5), at(10, 1), at(99, 1), at(4, 0)]).toEqual(['012', '789', '89', '', '', '']);
    file.willRead?.(2, 6);
    expect([at(2, 2), at(4, 4), at(9, 1)]).toEqual(['23', '4567', '9']);
    file.checkUnchanged();
    file.close();
    file.close();
  });

  it('reads an empty file, and a large one in splits', () => {
    const { system, freshDirectory } = make();
    const directory = freshDirectory();
    place(joinUri(directory, 'empty'), '');
    expect(get(system, joinUri(directory, 'empty'))).toBe('');
    const lines = Array.from({ length: 600_000 }, (_, index) => `line ${index} of a large file`);
    place(joinUri(directory, 'large.txt'), lines.join('\n'));
    const fileSystems = new FileSystems([system]);
    const source = { format: 'text', paths: [joinUri(directory, 'large.txt')], options: {} } as const;
    const plan = planSource(source, { minPartitions: 3, fileSystems });
    expect(plan.splits).toHaveLength(3);
    const rows = plan.splits.flatMap((split) => [...readSplit(plan.source, split, { fileSystems })].flat());
    expect(rows).toEqual(lines);
  });

  it('notices a file that was replaced since it was planned', () => {
    const { system, freshDirectory } = make();
    const uri = joinUri(freshDirectory(), 'x.txt');
    place(uri, 'one\n');
    const fileSystems = new FileSystems([system]);
    const plan = planSource({ format: 'text', paths: [uri], options: {} }, { minPartitions: 1, fileSystems });
    place(uri, 'other content\n');
    expect(() => plan.splits.flatMap((split) => [...readSplit(plan.source, split, { fileSystems })])).toThrow(
      code('MR_INPUT_CHANGED'),
    );
  });

  it('says what is missing', () => {
    const { system, freshDirectory } = make();
    const missing = joinUri(freshDirectory(), 'missing');
    expect(system.stat(missing)).toBeUndefined();
    expect(() => system.openRead(missing)).toThrow(code('MR_NOT_FOUND'));
    expect(() => listInputFiles([missing], new FileSystems([system]))).toThrow(code('MR_NOT_FOUND'));
  });
}

/** What every store must do that can be listed and written to as well. */
export function fileSystemConformance(make: () => FileSystemUnderTest): void {
  const names = ({ system }: FileSystemUnderTest, directory: string): string[] =>
    system.list(directory).map(({ kind, name }) => (kind === 'file' ? name : `${name}/`));

  readingConformance(make);

  it('reuses the memory that was written from', () => {
    const store = make();
    const uri = joinUri(store.freshDirectory(), 'x');
    const file = store.system.openWrite(uri);
    const bytes = Buffer.from('abc');
    file.write(bytes);
    bytes.fill(0);
    file.finish();
    expect(get(store.system, uri)).toBe('abc');
  });

  it('writes and reads an empty file and a large one', () => {
    const store = make();
    const directory = store.freshDirectory();
    put(store.system, joinUri(directory, 'empty'), '');
    expect(get(store.system, joinUri(directory, 'empty'))).toBe('');
    const large = Buffer.alloc(17 * 1024 * 1024 + 3);
    for (let at = 0; at < large.length; at += 4)
      large.writeInt32LE(Math.imul(at, 2654435761), Math.min(at, large.length - 4));
    const file = store.system.openWrite(joinUri(directory, 'large'));
    for (let at = 0; at < large.length; at += 1_000_000) file.write(large.subarray(at, at + 1_000_000));
    expect(file.finish()).toBe(large.length);
    const reader = store.system.openRead(joinUri(directory, 'large'));
    try {
      expect(reader.sizeBytes).toBe(large.length);
      const all = Buffer.alloc(large.length);
      expect(reader.readInto(all, 0)).toBe(large.length);
      expect(all.equals(large)).toBe(true);
    } finally {
      reader.close();
    }
  });

  it('shows nothing of a file whose writing was given up', () => {
    const store = make();
    const directory = store.freshDirectory();
    put(store.system, joinUri(directory, 'other'), '');
    const file = store.system.openWrite(joinUri(directory, 'x'));
    file.write(Buffer.alloc(100_000));
    file.abort();
    file.abort();
    expect(names(store, directory)).toEqual(['other']);
  });

  it('replaces a file', () => {
    const store = make();
    const uri = joinUri(store.freshDirectory(), 'x');
    put(store.system, uri, 'long content');
    put(store.system, uri, 'short');
    expect(get(store.system, uri)).toBe('short');
  });

  it('lists one directory, sorted by name, and everything below it', () => {
    const store = make();
    const directory = store.freshDirectory();
    for (const name of ['b', 'a/x', 'a/y/z', 'c d', 'B']) put(store.system, joinUri(directory, name), name);
    expect(names(store, directory)).toEqual(['B', 'a/', 'b', 'c d']);
    expect(names(store, joinUri(directory, 'a'))).toEqual(['x', 'y/']);
    expect(
      store.system
        .listRecursive(directory)
        .map(({ uri }) => nameOf(uri))
        .sort(),
    ).toEqual(['B', 'b', 'c d', 'x', 'z']);
    expect(store.system.stat(joinUri(directory, 'a'))).toMatchObject({ kind: 'directory', name: 'a' });
    expect(store.system.stat(joinUri(directory, 'nothing'))).toBeUndefined();
  });

  it('lists nothing that is missing, and deletes it without a word', () => {
    const store = make();
    const missing = joinUri(store.freshDirectory(), 'missing');
    expect(() => store.system.list(missing)).toThrow(code('MR_NOT_FOUND'));
    store.system.delete(missing);
    store.system.deleteIfEmpty(missing);
  });

  it('deletes files and directories', () => {
    const store = make();
    const directory = store.freshDirectory();
    for (const name of ['keep', 'gone', 'tree/a', 'tree/b/c', 'tree2'])
      put(store.system, joinUri(directory, name), name);
    store.system.delete(joinUri(directory, 'gone'));
    store.system.delete(joinUri(directory, 'tree'));
    expect(names(store, directory)).toEqual(['keep', 'tree2']);
    store.system.deleteIfEmpty(directory);
    expect(names(store, directory)).toEqual(['keep', 'tree2']);
  });

  it('finds files by path, glob and directory', () => {
    const store = make();
    const directory = store.freshDirectory();
    for (const name of ['a.csv', 'b.csv', 'c.txt', '_x', 'k=1/d.csv', 'sub/e.csv'])
      put(store.system, joinUri(directory, name), name);
    const find = (path: string): string[] =>
      listInputFiles([path], new FileSystems([store.system])).map(({ uri }) => uri.slice(directory.length + 1));
    expect(find(directory)).toEqual(['a.csv', 'b.csv', 'c.txt', 'k=1/d.csv']);
    expect(find(`${directory}/*.csv`)).toEqual(['a.csv', 'b.csv']);
    expect(find(`${directory}/**/*.csv`)).toEqual(['a.csv', 'b.csv', 'k=1/d.csv', 'sub/e.csv']);
    expect(find(`${directory}/{c.txt,sub/?.csv}`)).toEqual(['c.txt', 'sub/e.csv']);
    expect(() => find(`${directory}/*.parquet`)).toThrow(code('MR_NOT_FOUND'));
  });
}

/** What the committer of outputs needs of a store with atomic renames. */
export function renamingConformance(make: () => FileSystemUnderTest): void {
  it('renames files and directories onto free names and empty directories only', () => {
    const { system, freshDirectory } = make();
    const at = (name: string): string => joinUri(directory, name);
    const directory = freshDirectory();
    put(system, at('tree/a/b'), 'x');
    system.rename(at('tree'), at('moved/tree'));
    expect(system.stat(at('tree'))).toBeUndefined();
    expect(system.stat(at('moved/tree/a/b'))).toMatchObject({ kind: 'file' });
    system.makeDirectory(at('empty'));
    system.rename(at('moved/tree'), at('empty'));
    expect(system.stat(at('empty/a/b'))).toMatchObject({ kind: 'file' });
    put(system, at('full/x'), 'x');
    expect(() => system.rename(at('empty'), at('full'))).toThrow(expect.objectContaining({ code: 'MR_IO' }));
    expect(() => system.rename(at('nothing'), at('x'))).toThrow(expect.objectContaining({ code: 'MR_NOT_FOUND' }));
  });

  it('gives a file a second name', () => {
    const { system, freshDirectory } = make();
    const directory = freshDirectory();
    put(system, joinUri(directory, 'a'), 'x');
    system.link(joinUri(directory, 'a'), joinUri(directory, 'deep/b'));
    system.delete(joinUri(directory, 'a'));
    expect(system.stat(joinUri(directory, 'deep/b'))).toMatchObject({ kind: 'file', status: { sizeBytes: 1 } });
  });

  it('removes a directory only when it is empty', () => {
    const { system, freshDirectory } = make();
    const directory = freshDirectory();
    system.makeDirectory(directory);
    put(system, joinUri(directory, 'a'), 'x');
    system.deleteIfEmpty(directory);
    expect(system.list(directory)).toHaveLength(1);
    system.delete(joinUri(directory, 'a'));
    system.deleteIfEmpty(directory);
    expect(system.stat(directory)).toBeUndefined();
  });
}
