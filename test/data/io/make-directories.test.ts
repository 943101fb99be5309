import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDirectories } from '../../../src/data/io/make-directories.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-directories-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('makeDirectories', () => {
  it('makes what is missing and leaves what is there', () => {
    const path = join(folder, 'a/b/c');
    makeDirectories(path);
    makeDirectories(path);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('fails below a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeDirectories(join(folder, 'file/below'))).toThrow('ENOTDIR');
  });

  it('fails in a file system that takes no directories, instead of trying for ever', () => {
    expect(() => makeDirectories('/proc/none/below')).toThrow('ENOENT');
  });
});
