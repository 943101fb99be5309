// npm run demo [-- path]: the three examples over examples/data, then those that fit over the file given.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';

function run(example: string, ...args: string[]): void {
  console.log(`\n> node dist-examples/${example}.js ${args.join(' ')}`.trimEnd());
  const { status, error } = spawnSync(process.execPath, [`dist-examples/${example}.js`, ...args], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exitCode = 1;
}

/** The beginning of a file, to see which of the examples fit. */
function beginningOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(65_536);
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

const path = process.argv[2];
run('word-count');
run('log-analysis');
run('sales-report');
if (path !== undefined) {
  const text = beginningOf(path);
  run('word-count', path);
  if (/\b(?:INFO|WARN|ERROR)\b/.test(text)) run('log-analysis', path);
  if (/^(?=.*\bday\b)(?=.*\bcategory\b)(?=.*\bcustomer\b)(?=.*\bquantity\b)(?=.*\bprice\b)/.test(text))
    run('sales-report', path, 'dist-examples/revenue-of-file.parquet');
}
