import { rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FileSystems } from '../../../src/data/io/file-systems.ts';
import { partitionDirectory, partitionPair, partitionValuesOf } from '../../../src/data/io/hive-partitions.ts';
import { listInputFiles } from '../../../src/data/io/input-files.ts';
import { describeUri, joinUri, nameOf, parentOf, toUri } from '../../../src/data/io/uri.ts';
import { scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
for (const name of [
  'a.txt',
  'b.txt',
  'c.csv',
  '.hidden',
  '_meta',
  'x1.log',
  'x2.log',
  'x10.log',
  'sub/d.txt',
  'sub/deep/e.txt',
  'sub/_temporary/f.txt',
  'with space é#%.txt',
  'a[1].txt',
  'comma,name.txt',
  't/year=2025/month=12/p.csv',
  't/year=2026/month=01/p.csv',
  't/year=2026/month=01/_SUCCESS',
  't/plain/q.csv',
  't/r.csv',
  'empty/.keep',
])
  writeFile(join(directory, name), name);
const systems = new FileSystems();
const list = (...paths: string[]): string[] =>
  listInputFiles(paths, systems).map(({ uri }) => relative(directory, describeUri(uri)));
const inDirectory = (...paths: string[]): string[] => list(...paths.map((path) => join(directory, path)));

describe('paths and globs', () => {
  it.each([
    ['a.txt', ['a.txt']],
    ['*.txt', ['a.txt', 'a[1].txt', 'b.txt', 'comma,name.txt', 'with space é#%.txt']],
    ['x?.log', ['x1.log', 'x2.log']],
    ['x[12].log', ['x1.log', 'x2.log']],
    ['x[!1].log', ['x2.log']],
    ['x{1,10}.log', ['x1.log', 'x10.log']],
    ['{a.txt,sub/*.txt}', ['a.txt', 'sub/d.txt']],
    ['**/*.txt', ['a.txt', 'a[1].txt', 'b.txt', 'comma,name.txt', 'sub/d.txt', 'sub/deep/e.txt', 'with space é#%.txt']],
    ['sub/**', ['sub/d.txt', 'sub/deep/e.txt']],
    ['s*', ['sub/d.txt']],
    ['sub/../a.*', ['a.txt']],
    ['a[1].txt', ['a[1].txt']],
    ['a\\[1].txt', ['a[1].txt']],
    ['.hidden', ['.hidden']],
    ['_*', ['_meta']],
    ['.*', ['.hidden']],
    ['sub', ['sub/d.txt']],
    ['t', ['t/r.csv', 't/year=2025/month=12/p.csv', 't/year=2026/month=01/p.csv']],
    ['t/year=2026', ['t/year=2026/month=01/p.csv']],
    ['t/year=*', ['t/year=2025/month=12/p.csv', 't/year=2026/month=01/p.csv']],
  ])('%s', (path, expected) => {
    expect(inDirectory(path)).toEqual(expected);
  });

  it('keeps the order of the paths and takes each file once', () => {
    expect(inDirectory('b.txt', '*.txt', 'a.txt').slice(0, 2)).toEqual(['b.txt', 'a.txt']);
  });

  it('takes a path that names nothing as a list with commas, in which braces keep theirs', () => {
    const all = ['a.txt', 'x{1,10}.log', 'sub'].map((path) => join(directory, path)).join(',');
    expect(list(all)).toEqual(['a.txt', 'x1.log', 'x10.log', 'sub/d.txt']);
    expect(inDirectory('comma,name.txt')).toEqual(['comma,name.txt']);
    expect(() => list(`${directory}/a.txt,`)).toThrow(/a path is empty/);
  });

  it('takes file: URIs, escaped and as globs', () => {
    const base = pathToFileURL(directory).href;
    expect(list(`${base}/with%20space%20%C3%A9%23%25.txt`)).toEqual(['with space é#%.txt']);
    expect(list(`${base}/x?.log`)).toEqual(['x1.log', 'x2.log']);
    expect(list(`file:${directory}/a.txt`)).toEqual(['a.txt']);
  });

  it('takes paths and globs relative to the working directory', () => {
    const base = relative(process.cwd(), directory);
    expect(list(join(base, 'x?.log'))).toEqual(['x1.log', 'x2.log']);
    expect(list(join(base, 'a.txt'))).toEqual(['a.txt']);
  });

  it.each([
    ['nothing.txt', /nothing\.txt does not exist/],
    ['a.txt,nothing.txt', /nothing\.txt does not exist/],
    ['*.parquet', /no file matches ".*\*\.parquet"/],
    ['empty', /empty holds no file to read/],
    ['sub/_temporary', undefined],
  ])('says what is missing: %s', (path, message) => {
    if (message === undefined) expect(inDirectory(path)).toEqual(['sub/_temporary/f.txt']);
    else {
      expect(() => inDirectory(path)).toThrow(message);
      expect(() => inDirectory(path)).toThrow(expect.objectContaining({ code: 'MR_NOT_FOUND' }));
    }
  });

  it.each(['x{1', 'x[1', 'x\\', 'x[z-a]'])('refuses the pattern %s', (pattern) => {
    expect(() => inDirectory(pattern)).toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
  });

  it('refuses an empty list, an empty path and an unknown scheme', () => {
    expect(() => list()).toThrow(/no path was given/);
    expect(() => list('')).toThrow(/a path is empty/);
    expect(() => list('ftp://user:secret@host/x')).toThrow('"ftp://host/x": no file system for the scheme "ftp:"');
  });

  it('refuses a link that leads nowhere instead of missing its data', () => {
    const link = join(writeFile(join(directory, 'links/x'), ''), '../dangling');
    symlinkSync('/nowhere/at/all', link);
    expect(() => inDirectory('links')).toThrow(/links\/dangling is a link to a file that does not exist/);
    rmSync(join(directory, 'links'), { recursive: true });
  });
});

describe('uris', () => {
  it('joins, splits and names them', () => {
    const uri = joinUri('file:///tmp/a b', 'c d/é#.txt');
    expect(uri).toBe('file:///tmp/a b/c%20d/%C3%A9%23.txt');
    expect(nameOf(uri)).toBe('é#.txt');
    expect(parentOf('s3://bucket/a/b')).toBe('s3://bucket/a');
    expect(joinUri('s3://bucket/a/', 'x y')).toBe('s3://bucket/a/x y');
    expect(toUri('/a//b/')).toBe('file:///a/b');
    expect(describeUri('https://user:secret@host/x.csv?token=secret')).toBe('https://host/x.csv');
  });
});

describe('hive partitions', () => {
  const values = (...paths: string[]) =>
    partitionValuesOf(paths.map((path) => ({ uri: toUri(path), sizeBytes: 0, modifiedMs: 0 })));

  it('types a name by all its values', () => {
    expect(values('/t/y=2026/m=01/a', '/t/y=2025/m=x/b', '/t/y=__HIVE_DEFAULT_PARTITION__/m=2/c')).toEqual([
      { y: 2026, m: '01' },
      { y: 2025, m: 'x' },
      { y: null, m: '2' },
    ]);
    expect(values('/t/a', '/t/b')).toBeUndefined();
    expect(values('/k=1/t/a')).toBeUndefined();
    expect(values('/t/id=9007199254740993/a')).toEqual([{ id: 9007199254740993n }]);
  });

  it('refuses files with different names', () => {
    expect(() => values('/t/y=1/a', '/t/z=1/b')).toThrow(/\/t\/y=1\/a has \[y\], \/t\/z=1\/b has \[z\]/);
  });

  it.each(['plain', 'a/b', 'a=b', '50%', '%41', 'ü 漢', 'a:b*c?', '', 'null'])(
    'reads back a directory for %j',
    (value) => {
      const name = partitionDirectory('k', value);
      expect(name).not.toMatch(/\//);
      expect(partitionPair(name)).toEqual(['k', value === '' ? null : value]);
    },
  );
});
