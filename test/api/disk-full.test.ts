import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'disk-full-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const index = new URL('../../dist/index.js', import.meta.url).href;

/** Every program needs more than 16 MB, in files of more than the limit; `big` are 150 000 pairs with long values. */
const programs = {
  grouping: 'big.groupByKey(2).count()',
  sorting: 'big.sortBy(([, text]) => text, false, 2).count()',
  joining: 'big.join(big.mapValues((text) => text.length), 2).count()',
  'writing shuffle output': 'big.partitionBy(2).count()',
  'caching on disk': 'big.persist(StorageLevel.DISK_ONLY).count()',
};

interface Answer {
  readonly failures: Record<string, { code: string; message: string; files: string[] }>;
  readonly after: number;
  readonly evicted: [count: number, sum: number, lost: number];
}

/** Runs all of them in a process that may write files of 256 KB at most: what is beyond fails as it does on a full disk. */
async function runWithSmallDisk(): Promise<Answer> {
  const script = join(dir, 'script.mjs');
  const tempDir = join(dir, 'temp');
  writeFileSync(
    script,
    `import { readdirSync } from 'node:fs';
    import { MillraceContext, StorageLevel } from ${JSON.stringify(index)};
    const sc = await MillraceContext.create({ workers: 2, memory: '16mb', tempDir: ${JSON.stringify(tempDir)}, logLevel: 'off' });
    const big = sc.range(0, 150_000, 1, 4).map((n) => [(n * 7919) % 150_000, 'a long text for the value of ' + n + '.'.repeat(60)]);
    const failures = {};
    for (const [name, run] of Object.entries({ ${Object.entries(programs)
      .map(([name, program]) => `${JSON.stringify(name)}: () => ${program}`)
      .join(', ')} }))
      try {
        await run();
      } catch ({ code, message }) {
        failures[name] = { code, message, files: readdirSync(sc.backend.tempPath) };
      }
    const after = await sc.range(10).count();
    let lost = 0;
    sc.on('blockLost', ({ reason }) => { if (reason?.includes('EFBIG')) lost++; });
    const rdds = [1, 2, 3].map((k) => sc.range(0, 40_000, 1, 16).map((n) => 'text ' + k + n + '-'.repeat(150)).persist(StorageLevel.MEMORY_AND_DISK));
    let count = 0;
    for (const rdd of [...rdds, ...rdds]) count += await rdd.count();
    const evicted = [count, await rdds[0].map((text) => text.length).sum(), lost];
    await sc.stop();
    console.log(JSON.stringify({ failures, after, evicted }));`,
  );
  const limited = 'trap "" XFSZ; ulimit -f 256; exec "$0" "$1"';
  const child = spawn('bash', ['-c', limited, process.execPath, script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  await new Promise((resolve) => child.on('close', resolve));
  expect(errors).toBe('');
  expect(readdirSync(tempDir)).toEqual([]);
  return JSON.parse(out) as Answer;
}

describe('a full disk', () => {
  let answer: Answer;
  beforeAll(async () => {
    answer = await runWithSmallDisk();
  }, 120_000);

  it.each(Object.keys(programs))('fails an action while %s, says so, and its files are gone', (name) => {
    expect(answer.failures[name]).toMatchObject({ code: 'MR_IO', files: [] });
    expect(answer.failures[name]?.message).toMatch(
      /cannot write the temporary file .*: EFBIG: .*Free some space or give the context another tempDir/,
    );
  });

  it('leaves the context at work', () => {
    expect(answer.after).toBe(10);
  });

  it('where memory is made room for, costs computing the block again and nothing else', () => {
    const [count, sum, lost] = answer.evicted;
    expect(count).toBe(240_000);
    expect(sum).toBeGreaterThan(40_000 * 150);
    expect(lost).toBeGreaterThan(0);
  });
});
