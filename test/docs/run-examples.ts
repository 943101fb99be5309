// npm run examples: runs every compiled example and compares what it prints with examples/expected; -u writes it anew.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const update = process.argv.includes('-u');
const examples = ['', 'jobs/'].flatMap((folder) =>
  readdirSync(join('examples', folder))
    .filter((file) => file.endsWith('.ts') && file !== 'demo.ts')
    .map((file) => `${folder}${file.slice(0, -'.ts'.length)}`),
);

/** What went wrong with an example, or undefined. */
function complaint(example: string): string | undefined {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [join('dist-examples', `${example}.js`)], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) return `ended with ${signal ?? `exit code ${status}`}\n${stderr}`;
  const expected = join('examples/expected', `${example}.txt`);
  if (update) writeFileSync(expected, stdout);
  if (!existsSync(expected)) return `has no ${expected}; npm run examples -- -u writes it`;
  const wanted = readFileSync(expected, 'utf8');
  return stdout === wanted ? undefined : `printed\n${stdout}\nnot what ${expected} holds:\n${wanted}`;
}

for (const example of examples) {
  const begun = performance.now();
  const wrong = complaint(example);
  process.stdout.write(
    `${wrong === undefined ? 'ok' : 'FAILED'}  ${example}  ${Math.round(performance.now() - begun)} ms\n`,
  );
  if (wrong === undefined) continue;
  process.stderr.write(`${example} ${wrong}\n`);
  process.exitCode = 1;
}
