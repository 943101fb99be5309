import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LocalFileSystem } from '../../../src/data/io/local-file-system.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { killedWriterConformance } from '../../conformance/killed-writer.ts';
import { readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
let outputs = 0;

describe('a writer to local disk', () => {
  killedWriterConformance(() => ({
    system: new LocalFileSystem(),
    makeSystem: "import { LocalFileSystem } from 'BUILT/local-file-system.js';\nconst system = new LocalFileSystem();",
    freshOutput: () => toUri(join(directory, `out${outputs++}`)),
    leftovers: (output) => {
      const path = fileURLToPath(output);
      const beside = readdirSync(dirname(path)).filter((name) => name.startsWith(`.${basename(path)}`));
      const inside = existsSync(path)
        ? readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(
            (name) => !/^(_SUCCESS|k=\w|(k=\w\/)?part-0000\d(-\w+)?(\.jsonl)?)$/.test(name),
          )
        : [];
      return [...beside, ...inside];
    },
  }));
});

it.each([
  ['the output', ''],
  ['a partition of it', '/k=b'],
  ['a file in it', '/k=b/part-00000'],
  ['a glob in it', '/k=*/part-*'],
  ['a glob above it', '/../*/k=*'],
  ['a pattern of any depth', '/../**/part-*'],
])(
  'gives an output whose commit was cut off between its renames its name back, when a reader asks for %s',
  (_, asked) => {
    const table = join(directory, `cut${outputs++}`);
    const staging = join(table, '.out.millrace/dead');
    writeFile(join(table, 'old/k=b/part-00000'), 'old\n');
    writeFile(join(table, 'new/k=b/part-00000'), 'new\n');
    mkdirSync(staging, { recursive: true });
    for (const name of ['old', 'new']) renameSync(join(table, name), join(staging, name));
    const path = `${table}/out${asked}`;
    expect(readRows({ format: 'text', paths: [path.replace('/out/..', '')], options: {} })).toEqual(['new']);
    expect(existsSync(join(table, 'out/k=b/part-00000'))).toBe(true);
  },
);
