import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OutputCommitter } from '../../src/data/io/output-committer.ts';
import { createPartWriter } from '../../src/data/io/part-writer.ts';
import { toUri } from '../../src/data/io/uri.ts';
import { scratchDirectory, writeFile } from '../data/io/scratch.ts';

const directory = scratchDirectory();
const dist = resolve(import.meta.dirname, '../../dist');

function millrace(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), ...args], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

/** Writes a part of an output in another process, which dies before it commits. */
function killedWriter(output: string): void {
  const built = (name: string): string => pathToFileURL(join(dist, 'data/io', name)).href;
  const code = `
    import { OutputCommitter } from '${built('output-committer.js')}';
    import { createPartWriter } from '${built('part-writer.js')}';
    const output = { format: 'text', uri: process.argv[1], mode: 'overwrite', options: {} };
    const part = createPartWriter(new OutputCommitter(output, 'killed').begin(), 0, 0);
    part.write(['lost']);
    part.finish();
    process.kill(process.pid, 'SIGKILL');`;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code, toUri(output)]);
  expect([signal, String(stderr)]).toEqual(['SIGKILL', '']);
}

describe('millrace clean', () => {
  it('removes what killed writers left at all outputs in a directory, and nothing else', () => {
    const lake = join(directory, 'lake');
    writeFile(join(lake, 'sales/part-00000'), 'kept\n');
    killedWriter(join(lake, 'sales'));
    killedWriter(join(lake, 'deep/never-committed'));
    const living = new OutputCommitter(
      { format: 'text', uri: toUri(join(lake, 'living')), mode: 'error', options: {} },
      'living',
    );
    const part = createPartWriter(living.begin(), 0, 0);
    part.write(['alive']);

    const leftovers = [join(lake, '.sales.millrace/killed'), join(lake, 'deep/.never-committed.millrace/killed')];
    const dry = millrace('clean', '--dry-run', lake);
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out.trim().split('\n').toSorted()).toEqual(leftovers.map((path) => `would have removed ${path}`));
    expect(leftovers.every((path) => existsSync(path))).toBe(true);
    const { code, out } = millrace('clean', lake, '--abandoned-after', '0');
    expect(code).toBe(0);
    expect(out.trim().split('\n').toSorted()).toEqual(leftovers.map((path) => `removed ${path}`));
    expect(readdirSync(lake).toSorted()).toEqual(['.living.millrace', 'deep', 'sales']);
    expect(readFileSync(join(lake, 'sales/part-00000'), 'utf8')).toBe('kept\n');

    living.commit([part.finish()]);
    expect(readFileSync(join(lake, 'living/part-00000'), 'utf8')).toBe('alive\n');
    expect(millrace('clean', lake).out).toBe(`nothing to clear up at ${lake}\n`);
  });

  it('says what it cannot do, and with which code', () => {
    const missing = join(directory, 'missing');
    expect(millrace('clean', missing)).toEqual({
      code: 1,
      out: '',
      err: `millrace clean: ${missing} does not exist, and nothing was left beside it. (MR_NOT_FOUND)\n`,
    });
    expect(millrace('clean')).toMatchObject({ code: 2, err: expect.stringContaining('no path was given') });
    expect(millrace('clean', '.', '--forse')).toMatchObject({ code: 2, err: expect.stringContaining("'--forse'") });
    expect(millrace('clean', '--help')).toMatchObject({ code: 0, out: expect.stringContaining('--dry-run') });
    expect(millrace('cleen')).toMatchObject({ code: 2, err: expect.stringContaining('no command "cleen"') });
  });
});
