import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { JobOperator, job } from '../../../src/jobs/index.ts';
import { SqliteHandle } from '../../../src/jobs/repository/sql/sqlite-handle.ts';
import { end, keptLog, step, until } from '../../conformance/jobs/harness.ts';
import { scratchDirectory } from '../../data/io/scratch.ts';

const entry = pathToFileURL(resolve('dist/jobs/index.js')).href;
const script = resolve(import.meta.dirname, 'fixtures/owner.mjs');
const scratch = scratchDirectory();
let stores = 0;
const freshStore = (): string => `sqlite:${join(scratch, `store${stores++}.db`)}`;

/** A process of fixtures/owner.mjs, its lines, and its end. */
class Owner {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(...parts: readonly string[]) {
    this.child = spawn(process.execPath, [script, entry, ...parts], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.child.stdout !== null) createInterface(this.child.stdout).on('line', (line) => this.lines.push(line));
    this.ended = new Promise((resolveEnd) => this.child.on('close', (code, signal) => resolveEnd({ code, signal })));
  }

  async says(line: string): Promise<void> {
    await until(() => {
      if (this.child.exitCode !== null && !this.lines.includes(line)) throw new Error(`ended without saying ${line}`);
      return this.lines.includes(line);
    });
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Freezes an owner outside of its transactions: one that is frozen in the middle holds the SQLite file for as long. */
async function freeze({ child }: Owner, store: string): Promise<void> {
  const handle = new SqliteHandle(store.slice('sqlite:'.length));
  for (let isFree = false; !isFree; ) {
    child.kill('SIGSTOP');
    // The signal reaches the threads in a moment.
    await sleep(20);
    try {
      handle.exec('begin immediate');
      handle.exec('rollback');
      isFree = true;
    } catch {
      child.kill('SIGCONT');
      await sleep(2);
    }
  }
  handle.close();
}

const owners: Owner[] = [];
const operators: JobOperator[] = [];

function start(...parts: readonly string[]): Owner {
  const owner = new Owner(...parts);
  owners.push(owner);
  return owner;
}

async function create(
  repository: string,
  options: Parameters<typeof JobOperator.create>[0] = {},
): Promise<JobOperator> {
  const operator = await JobOperator.create({ repository, signals: false, logger: keptLog().logger, ...options });
  operators.push(operator);
  return operator;
}

afterEach(async () => {
  await Promise.all(operators.splice(0).map((operator) => operator.close()));
  await Promise.all(owners.splice(0).map((owner) => owner.kill()));
});

describe('owners that end', () => {
  it('ST-23: a process that was killed is found at once, long before its lease is over', async () => {
    const store = freshStore();
    const owner = start('hold', store);
    await owner.says('working');
    await owner.kill();
    const held = job('held')
      .step('before', (s) => s.task(() => 'never again'))
      .step('work', (s) => s.task((c) => c.isRestart));
    const operator = await create(store, { jobs: [held] });
    const [second, first] = await operator.repository.executions({ jobName: 'held' });
    expect(first).toMatchObject({ status: 'FAILED', exitCode: 'ORPHANED' });
    expect(second).toMatchObject({ instanceId: first?.instanceId, recoveries: 1 });
    const execution = await (await operator.launch(held, { a: 1 })).finished();
    expect(execution.id).toBe(second?.id);
    expect([step(execution, 'before').result, step(execution, 'work').result]).toEqual(['done', true]);
  });

  it('ST-23: also one that died before its first heartbeat', async () => {
    const store = freshStore();
    const owner = start('early', store);
    expect((await owner.ended).signal).toBe('SIGKILL');
    const early = job('early').step('work', (s) => s.task(() => 'done'));
    const operator = await create(store);
    expect((await operator.repository.executions({ jobName: 'early' })).map(({ endTime }) => endTime)).toEqual([
      undefined,
    ]);
    const execution = await operator.run(early, { a: 1 });
    expect(step(execution, 'work').result).toBe('done');
    const [, first] = await operator.repository.executions({ jobName: 'early' });
    expect(first).toMatchObject({ status: 'FAILED', exitCode: 'ORPHANED' });
  });

  it.each(['recover', 'launch'])(
    'ST-26: a reaper that dies as it has ended an orphan leaves it to the next: %s',
    async (how) => {
      const store = freshStore();
      const owner = start('hold', store);
      await owner.says('working');
      await owner.kill();
      expect((await start('reap', store, how).ended).signal).toBe('SIGKILL');
      const held = job('held').step('work', (s) => s.task((c) => c.isRestart));
      const operator = await create(store, { jobs: [held] });
      const newest = async () => (await operator.repository.executions({ jobName: 'held' }))[0];
      await until(async () => (await newest())?.endTime !== undefined);
      expect(await newest()).toMatchObject({ status: 'COMPLETED', recoveries: how === 'recover' ? 2 : 1 });
    },
  );

  it('ST-26: a job that kills its process is given up after 3 recoveries', async () => {
    const store = freshStore();
    const signals: (string | null)[] = [];
    for (const how of ['launch', 'recover', 'recover', 'recover']) {
      const owner = start('suicide', store, how);
      signals.push((await owner.ended).signal);
    }
    expect(signals).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL']);
    const last = start('suicide', store, 'recover');
    expect(await last.ended).toEqual({ code: 0, signal: null });
    expect(last.lines).toEqual(['given up 3 ORPHANED']);
  });

  it('ST-25: a frozen owner is taken over, and writes nothing when it wakes', async () => {
    const store = freshStore();
    const file = join(scratch, 'lines.txt');
    const owner = start('lines', store, file, '3000');
    await until(() => existsSync(file) && readFileSync(file, 'utf8').split('\n').length > 5);
    await freeze(owner, store);
    const operator = await create(store, { leaseTtlMs: 3000 });
    await until(async () => {
      await operator.recover();
      const [execution] = await operator.repository.executions({ jobName: 'lines' });
      return execution?.exitCode === 'ORPHANED';
    });
    const before = readFileSync(file, 'utf8');
    const written = before
      .trim()
      .split('\n')
      .map((line) => Number(line.split(' ')[1]));
    const [orphan] = await operator.repository.executions({ jobName: 'lines' });
    const lines = job('lines').step('load', (s) =>
      s
        .read(Array.from({ length: 400 }, (_, at) => at))
        .chunk(50)
        .write((items) => void written.push(...items)),
    );
    const execution = await end(operator, lines, { a: 1 });
    owner.child.kill('SIGCONT');
    await owner.says('ended ORPHANED');
    expect(owner.lines).toContain('lost');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await operator.repository.execution(orphan?.id ?? '')).toEqual(orphan);
    // Every item once, but for the one chunk that may have been written before it was frozen.
    const { from, to } = step(execution, 'load').inDoubt ?? { from: -1, to: -1 };
    expect(from).toBe(orphan?.steps[0]?.counts.write);
    for (let item = 0; item < 400; item++) {
      const times = written.filter((each) => each === item).length;
      if (item < from || item >= to) expect(times, `item ${item}`).toBe(1);
    }
  });

  it('ST-22: a processor that spins the CPU for 5 leases keeps its own', async () => {
    const store = freshStore();
    const owner = start('spin', store, '2000');
    await owner.says('spinning');
    const reaper = await create(store, { leaseTtlMs: 2000 });
    await owner.says('ended COMPLETED');
    const [execution, ...others] = await reaper.repository.executions({ jobName: 'spinning' });
    expect(others).toEqual([]);
    const events = await reaper.repository.events(execution?.id ?? '');
    expect(events.map(({ kind }) => kind)).toEqual(['jobStarted', 'stepStarted', 'stepEnded', 'jobEnded']);
  });
});

describe('processes at once', () => {
  it('ST-20: of 6 processes that launch and restart the same instance, one runs it at a time', async () => {
    const store = freshStore();
    await create(store);
    const file = join(scratch, 'race.txt');
    const racers = Array.from({ length: 6 }, () => start('race', store, file, '20'));
    const ends = await Promise.all(racers.map((racer) => racer.ended));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    const said = racers.flatMap((racer) => racer.lines);
    const launched = said.filter((line) => line.startsWith('launched ')).map((line) => line.slice('launched '.length));
    expect(new Set(said.filter((line) => !line.startsWith('launched ')))).toEqual(new Set(['MR_JOB_ALREADY_RUNNING']));
    const operator = await create(store);
    const executions = await operator.repository.executions({ jobName: 'raced', limit: 1000 });
    expect(executions.map(({ id }) => id).toSorted()).toEqual(launched.toSorted());
    expect(readFileSync(file, 'utf8').trim().split('\n').toSorted()).toEqual(launched.toSorted());
    expect(await operator.repository.instances({ jobName: 'raced' })).toHaveLength(1);
    // None began before the one before it had ended: UUIDv7 order is not needed, their times do not overlap.
    const times = executions
      .map(({ startTime, endTime }) => [startTime?.getTime() ?? Number.NaN, endTime?.getTime() ?? Number.NaN] as const)
      .toSorted(([a], [b]) => a - b);
    for (const [at, [, endTime]] of times.entries()) {
      expect(endTime).toBeLessThanOrEqual(times[at + 1]?.[0] ?? Number.POSITIVE_INFINITY);
    }
  });
});

describe('signals and ends', () => {
  it('ST-29: an operator never keeps an otherwise finished script alive', async () => {
    const owner = start('forget', freshStore());
    expect(await owner.ended).toEqual({ code: 0, signal: null });
    expect(owner.lines).toEqual(['COMPLETED']);
    const memory = start('forget', 'sqlite::memory:');
    expect(await memory.ended).toEqual({ code: 0, signal: null });
  });

  it('ST-29: SIGTERM stops, drains and exits 0, SIGINT 130; what was stopped is restartable at once', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const store = freshStore();
      const owner = start('signal', store, 'heeds', '20000');
      await owner.says('working');
      owner.child.kill(signal);
      expect(await owner.ended).toEqual({ code, signal: null });
      expect(owner.lines).toEqual(['working', 'stopping', 'ended STOPPED']);
      const operator = await create(store);
      const waits = job('waits').step('work', (s) => s.task((c) => c.isRestart));
      expect(step(await operator.run(waits, { a: 1 }), 'work').result).toBe(true);
    }
  });

  it('ST-29: drains for drainMs at most, and a second signal ends it at once', async () => {
    const store = freshStore();
    const deaf = start('signal', store, 'deaf', '50');
    await deaf.says('working');
    deaf.child.kill('SIGTERM');
    expect(await deaf.ended).toEqual({ code: 0, signal: null });
    const operator = await create(store);
    expect(await operator.repository.executions({ jobName: 'waits' })).toEqual([
      expect.objectContaining({ status: 'STOPPED' }),
    ]);
    const impatient = start('signal', freshStore(), 'deaf', '3600000');
    await impatient.says('working');
    impatient.child.kill('SIGTERM');
    await impatient.says('stopping');
    impatient.child.kill('SIGTERM');
    expect((await impatient.ended).code).not.toBe(0);
  });
});
