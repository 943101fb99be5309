import { MillraceError } from '../../base/errors.ts';
import type { FileSystem } from './file-system.ts';
import { LocalFileSystem } from './local-file-system.ts';
import { describeUri, schemeOf } from './uri.ts';

/** The file systems of one context or worker, by scheme. `file:` is always there. */
export class FileSystems {
  readonly #byScheme: Map<string, FileSystem>;

  constructor(others: readonly FileSystem[] = []) {
    this.#byScheme = new Map([new LocalFileSystem(), ...others].map((system) => [system.scheme, system]));
  }

  /** The file system that serves `uri`. */
  of(uri: string): FileSystem {
    const scheme = schemeOf(uri) ?? 'file';
    const found = this.#byScheme.get(scheme);
    if (found !== undefined) return found;
    const known = [...this.#byScheme.keys()].map((name) => `${name}:`).join(', ');
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `"${describeUri(uri)}": no file system for the scheme "${scheme}:". Known are ${known}.`,
    );
  }

  /** Ends what serves the remote ones. */
  close(): void {
    for (const system of this.#byScheme.values()) system.close?.();
  }
}
