import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');
const manifest = JSON.parse(read('package.json'));

/** What a user installs along with millrace. A new name needs a sentence in the commit on what it saves. */
const runtimeDependencies = [
  '@aws-sdk/client-s3',
  'acorn',
  'apache-arrow',
  'fzstd',
  'hyparquet',
  'hyparquet-compressors',
  'kysely',
  'libsql',
  'msgpackr',
  'mysql2',
  'parquet-wasm',
  'pg',
  'piscina',
  'saxes',
];

describe('package.json', () => {
  it('depends at run time on exactly the allowed packages', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(runtimeDependencies);
  });

  it('lets no peer dependency be needed', () => {
    for (const peer of Object.keys(manifest.peerDependencies))
      expect([peer, manifest.peerDependenciesMeta[peer]]).toEqual([peer, { optional: true }]);
  });

  it('pins every version', () => {
    const versions = Object.entries<string>({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('locks the versions that package.json names', () => {
    const locked = JSON.parse(read('package-lock.json')).packages;
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect([name, locked[`node_modules/${name}`].version]).toEqual([name, version]);
  });

  it.each(['package-lock.json', 'bench/skale/package-lock.json'])('names no registry host in %s', (file) => {
    expect(Object.values<object>(JSON.parse(read(file)).packages).filter((entry) => 'resolved' in entry)).toEqual([]);
  });

  it('needs the same Node version in engines, documentation and CI', () => {
    expect(manifest.engines.node).toBe('^20.19.0 || >=22.2.0');
    expect(read('README.md')).toContain('Node 20.19 or 22.2');
  });

  it('runs no script when it is installed', () => {
    expect(Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
