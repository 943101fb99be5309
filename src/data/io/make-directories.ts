import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it. Node's own recursive mkdir never returns where the system says that a parent is missing
 * although it is there, as in /proc. Another process may remove an empty parent meanwhile, hence more than one try.
 */
export function makeDirectories(path: string, tries = 5): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path || tries === 0) throw error;
    makeDirectories(parent);
    makeDirectories(path, tries - 1);
  }
}
