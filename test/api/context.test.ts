import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MillraceContext, MillraceError } from '../../src/index.ts';

const folders: string[] = [];
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'mr-test-'));
  folders.push(path);
  return path;
};
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

describe('MillraceContext.create', () => {
  it.each([
    [{ master: 'spark://x' }, "master must be 'local', 'local[*]' or 'local[n]', got \"spark://x\""],
    [{ master: 'local[0]' }, 'master must be'],
    [{ workers: 0 }, 'workers must be an integer from 1 to 1024, got 0'],
    [{ workers: 1.5 }, 'workers must be an integer'],
    [{ appName: '' }, 'appName must be a text that is not empty'],
    [{ memory: 'lots' }, "memory must be at least 16mb, as '512mb', '4gb' or a number of bytes, got \"lots\""],
    [{ memory: 5 }, 'memory must be'],
    [{ tempDir: '/dev/null/nowhere' }, 'tempDir "/dev/null/nowhere" cannot be written'],
    [{ defaultParallelism: -1 }, 'defaultParallelism must be'],
    [{ progress: 'yes' }, 'progress must be true or false'],
    [{ logLevel: 'loud' }, 'logLevel must be one of off, error, warn, info, debug, got "loud"'],
    [{ s3: 'bucket' }, 's3 must be an object, got string'],
    [{ s3: { endpont: 'x' } }, 's3.endpont is no option. Options are: endpoint, region'],
    [
      { s3: { credentials: { accessKeyId: 'a' } } },
      's3.credentials must hold the texts accessKeyId and secretAccessKey',
    ],
    [{ scheduling: 'LIFO' }, 'scheduling must be one of FIFO, FAIR, got "LIFO"'],
    [{ pools: 3 }, 'pools must be an object of pools by name, got 3'],
    [{ pools: { night: 'FAIR' } }, 'pools.night must be an object, got "FAIR"'],
    [{ pools: { night: { mode: 'LIFO' } } }, 'pools.night.mode must be one of FIFO, FAIR, got "LIFO"'],
    [{ pools: { night: { weight: 0 } } }, 'pools.night.weight must be a number above 0, got 0'],
    [{ pools: { night: { minShare: -1 } } }, 'pools.night.minShare must be an integer from 0 to 1024, got -1'],
    [{ pools: { night: { share: 1 } } }, 'pools.night.share is no option. Options are: mode, weight, minShare'],
    [{ wrokers: 2 }, 'wrokers is no option. Options are: master, workers'],
  ])('names the option that is wrong: %j', async (options, message) => {
    const failure = MillraceContext.create(options as never);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(MillraceError);
    await expect(failure).rejects.toMatchObject({ code: 'MR_OPTION_INVALID' });
  });

  it('takes local[n] for the number of workers', async () => {
    await using sc = await MillraceContext.create({ master: 'local[3]', appName: 'three' });
    expect([sc.defaultParallelism, sc.appName]).toEqual([3, 'three']);
    expect(await sc.range(10).getNumPartitions()).toBe(3);
  });
});

describe('stop', () => {
  it('removes every temporary file and refuses later actions', async () => {
    const tempDir = folder();
    const sc = await MillraceContext.create({ workers: 1, tempDir });
    expect(readdirSync(tempDir).length).toBe(1);
    const rdd = sc.range(10);
    await rdd.count();
    await sc.stop();
    await sc.stop();
    expect(readdirSync(tempDir)).toEqual([]);
    await expect(rdd.count()).rejects.toMatchObject({ code: 'MR_CONTEXT_STOPPED' });
  });

  it('ends a running action', async () => {
    const sc = await MillraceContext.create({ workers: 1 });
    const stuck = sc.range(1).map(() => {
      for (;;);
    });
    const failure = expect(stuck.collect()).rejects.toMatchObject({ code: 'MR_ABORTED' });
    setTimeout(() => void sc.stop(), 100);
    await failure;
  });
});

/** Runs a script that imports the built package; gives its exit and what it printed. */
function run(
  script: string,
  kill?: NodeJS.Signals,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; signal: string | null; text: string }> {
  const path = join(folder(), 'script.mjs');
  const index = new URL('../../dist/index.js', import.meta.url).href;
  writeFileSync(path, script.replace('MILLRACE', JSON.stringify(index)));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        text += data;
        if (kill !== undefined && text.includes('ready')) child.kill(kill);
      });
    child.on('exit', (code, signal) => resolve({ code, signal, text }));
  });
}

describe('a script', () => {
  it('that forgets stop exits all the same, and leaves no file', async () => {
    const tempDir = folder();
    const { code, text } = await run(`
      import { MillraceContext } from MILLRACE;
      const sc = await MillraceContext.create({ workers: 2, tempDir: ${JSON.stringify(tempDir)} });
      console.log(await sc.range(100).map((n) => n + 1).sum());
    `);
    expect([code, text.trim()]).toEqual([0, '5050']);
    expect(readdirSync(tempDir)).toEqual([]);
  });

  it('that is killed leaves files until another context is made in the same place, which leaves those of the living', async () => {
    const tempDir = folder();
    const killed = await run(
      `
      import { MillraceContext } from MILLRACE;
      const sc = await MillraceContext.create({ workers: 1, tempDir: ${JSON.stringify(tempDir)} });
      console.log('ready');
      setInterval(() => {}, 1000);
    `,
      'SIGKILL',
    );
    expect(killed.signal).toBe('SIGKILL');
    const [left = ''] = readdirSync(tempDir);
    mkdirSync(join(tempDir, 'millrace-1-foreig'));
    await using first = await MillraceContext.create({ workers: 1, tempDir });
    const mine = readdirSync(tempDir);
    expect(mine).toContain('millrace-1-foreig');
    expect(mine).not.toContain(left);
    await using second = await MillraceContext.create({ workers: 1, tempDir });
    expect(readdirSync(tempDir)).toEqual(expect.arrayContaining(mine));
    expect(await first.range(3).count()).toBe(await second.range(3).count());
  });

  it('that throws leaves no file', async () => {
    const tempDir = folder();
    const { code, text } = await run(`
      import { MillraceContext } from MILLRACE;
      const sc = await MillraceContext.create({ workers: 2, tempDir: ${JSON.stringify(tempDir)} });
      await sc.range(100).map((n) => { throw new Error('oh no') }).collect();
    `);
    expect(code).toBe(1);
    expect(text).toContain('oh no');
    expect(readdirSync(tempDir)).toEqual([]);
  });

  it('whose threads end while they start fails its actions, and does not hang', async () => {
    const preload = join(folder(), 'preload.cjs');
    writeFileSync(preload, "if (!require('node:worker_threads').isMainThread) process.exit(7);");
    const { code, text } = await run(
      `
      import { MillraceContext } from MILLRACE;
      const sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
      for (let i = 0; i < 2; i++)
        await sc.range(10).count().catch(({ code, message }) => console.log(code, message));
      await sc.stop();
    `,
      undefined,
      { NODE_OPTIONS: `--require=${preload}` },
    );
    expect(code).toBe(0);
    expect(text.match(/MR_WORKER_LOST worker threads end while they start/g)?.length).toBe(2);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('with two contexts ended by %s leaves no file', async (signal) => {
    const tempDir = folder();
    const ended = await run(
      `
      import { MillraceContext } from MILLRACE;
      const other = await MillraceContext.create({ workers: 1, tempDir: ${JSON.stringify(tempDir)} });
      const sc = await MillraceContext.create({ workers: 2, tempDir: ${JSON.stringify(tempDir)} });
      setTimeout(() => console.log('ready'), 200);
      await sc.range(2).map((n) => { for (;;); }).collect();
    `,
      signal,
    );
    expect(ended.signal).toBe(signal);
    expect(existsSync(tempDir)).toBe(true);
    expect(readdirSync(tempDir)).toEqual([]);
  });
});
