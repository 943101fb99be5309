import { join } from 'node:path';
import { describe } from 'vitest';
import { LocalFileSystem } from '../../src/data/io/local-file-system.ts';
import { MemoryFileSystem } from '../../src/data/io/memory-file-system.ts';
import { toUri } from '../../src/data/io/uri.ts';
import { scratchDirectory } from '../data/io/scratch.ts';
import { fileSystemConformance, renamingConformance } from './file-systems.ts';

let directories = 0;

describe('file:', () => {
  const scratch = scratchDirectory();
  const make = () => ({
    system: new LocalFileSystem(),
    freshDirectory: () => toUri(join(scratch, `d${directories++}`)),
  });
  fileSystemConformance(make);
  renamingConformance(make);
});

describe('memory:', () => {
  const system = new MemoryFileSystem();
  const make = () => ({ system, freshDirectory: () => `memory:///scratch/d${directories++}` });
  fileSystemConformance(make);
  renamingConformance(make);
});
