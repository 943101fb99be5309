// npm run test:package: installs the packed tarball into an empty folder, as a user would, and runs README's script there
// in every form a user may give it, on Node 20, 22 and 24. Prints how many of these passed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inFunction, readmeScript } from './readme-script.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'));

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** The `node` binary of a major version: our own, or npm's package of it. */
function nodeOf(major: number): string {
  if (process.version.startsWith(`v${major}.`)) return process.execPath;
  const args = ['-y', `node@${major}`, '-p', 'process.execPath'];
  return execFileSync('npx', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function install(): void {
  const [{ filename }] = JSON.parse(npm('.', 'pack', '--json', '--pack-destination', folder));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  npm(folder, 'install', '--no-audit', '--no-fund', join(folder, filename), `tsx@${manifest.devDependencies.tsx}`);
  mkdirSync(join(folder, 'books'));
  writeFileSync(join(folder, 'books/one.txt'), 'the mill and the river\nThe river\n'.repeat(10));
  writeFileSync(join(folder, 'books/two.txt'), 'A river, a mill; a ledger\n');
  mkdirSync(join(folder, 'commonjs'));
  writeFileSync(join(folder, 'commonjs/package.json'), '{ "private": true }\n');
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text);
}

const script = readmeScript();
const javaScript = script.replaceAll(' as const', '');
const scripts = {
  'script.mjs': javaScript,
  'script.cjs': inFunction(javaScript, 'await import'),
  'required.cjs': inFunction(javaScript, 'require'),
  'script.ts': script,
  'commonjs/script.ts': inFunction(script, 'import'),
};

/** What the script prints over the books above. */
const expected = "[ [ 'river', 21 ], [ 'mill', 11 ] ]\n";

let passed = 0;
let failed = 0;
function check(name: string, node: string, ...args: string[]): void {
  const { status, signal, stdout, stderr } = spawnSync(node, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  const holds = status === 0 && stdout === expected;
  if (holds) passed++;
  else failed++;
  process.stdout.write(`${holds ? 'ok' : 'FAILED'}  ${name}\n`);
  if (!holds) process.stdout.write(`ended with ${signal ?? `exit code ${status}`}, printed\n${stdout}${stderr}\n`);
}

try {
  install();
  for (const major of [20, 22, 24]) {
    const node = nodeOf(major);
    for (const name of Object.keys(scripts)) {
      const loader = name.endsWith('.ts') ? ['--import', 'tsx'] : [];
      check(`Node ${major}, ${[...loader, name].join(' ')}`, node, ...loader, name);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
if (failed > 0) process.exitCode = 1;
