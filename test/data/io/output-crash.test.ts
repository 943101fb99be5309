import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { LocalFileSystem } from '../../../src/data/io/local-file-system.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { killedWriterConformance } from '../../conformance/killed-writer.ts';
import { scratchDirectory } from './scratch.ts';

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
        ? readdirSync(path).filter((name) => !/^(_SUCCESS|part-0000\d(-\w+)?)$/.test(name))
        : [];
      return [...beside, ...inside];
    },
  }));
});
