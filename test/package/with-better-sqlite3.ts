// npm run test:better-sqlite3 [-- vitest arguments]: the tests of jobs once more over better-sqlite3, the optional peer.
// Installs it into .tmp, where no other test finds it; that takes a minute of compiling the first time.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const version: string = JSON.parse(readFileSync('package.json', 'utf8')).peerDependencies['better-sqlite3'];
const folder = resolve('.tmp/better-sqlite3');
const modules = join(folder, 'node_modules');
const driver = join(modules, 'better-sqlite3/build/Release/better_sqlite3.node');

function run(command: string, args: readonly string[], options: object): number {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  return status ?? 1;
}

if (!existsSync(driver)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--no-audit', '--no-fund', `better-sqlite3@${version}`], { cwd: folder });
}
if (existsSync(driver)) {
  const folders = ['test/conformance/jobs', 'test/jobs'];
  const args = ['vitest', 'run', '--config', 'test/vitest.config.ts', '--root', '.', ...folders];
  process.exitCode = run('npx', [...args, ...process.argv.slice(2)], {
    // require looks there last, so nothing else changes.
    env: { ...process.env, NODE_PATH: modules, MILLRACE_TEST_SQLITE: 'better-sqlite3' },
  });
} else {
  process.stdout.write(`better-sqlite3 ${version} cannot be installed here, so it is not tested: see npm above.\n`);
}
