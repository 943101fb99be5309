import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** A job with one kind of sink, as killed-job.mjs runs it. */
export interface Scenario {
  readonly sink: string;
  readonly isScanned: boolean;
  /** 0: none. */
  readonly partitions: number;
  /** Of each input file. */
  readonly rows: number;
  readonly itemMs: number;
  /** URLs of the repository and of the other database; SQLite files when left out. */
  readonly databases?: { readonly own?: string; readonly other?: string };
}

/** Where a run is killed: at the n-th passing of a point, or some time after it began. */
export type Kill = { readonly point: string; readonly nth: number } | { readonly afterMs: number };

/** What the last run printed. */
interface Answer {
  readonly status: string;
  readonly failure?: string;
  readonly guarantee?: string;
  readonly inDoubt?: { readonly from: number; readonly to: number };
  readonly counts: Readonly<Record<string, number>>;
  readonly skipped: readonly string[];
  readonly tables: Readonly<Record<'own' | 'other' | 'keyed', readonly Row[]>>;
  readonly passed: Readonly<Record<string, number>>;
}

interface Row {
  readonly id: number;
  readonly name: string;
}

/** What a process printed; without a text it was killed. */
interface Ended {
  readonly text: string | undefined;
  readonly errors: string;
}

export interface Outcome {
  readonly answer: Answer;
  /** Files below the folder of outputs, by name. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Runs that were killed; a kill may come after the end. */
  readonly kills: number;
  /** Of the web server, by key. */
  readonly requests: ReadonlyMap<string, readonly Row[]>;
}

/** How an outcome differs from what an uninterrupted run gives. */
export interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly problems: readonly string[];
}

const chunk = 7;
const script = join(import.meta.dirname, 'killed-job.mjs');

/** Receives what {@link Scenario} `http` sends, each key once; bad items are refused. */
export class KeyedReceiver {
  readonly #server: Server;
  readonly #runs = new Map<string, Map<string, readonly Row[]>>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => void parts.push(part));
      request.on('end', () => {
        const items = JSON.parse(Buffer.concat(parts).toString()) as Row[];
        const isRefused = request.url?.startsWith('/scanned') === true && items.some(({ id }) => id % 13 === 7);
        if (!isRefused) this.of(request.url ?? '').set(String(request.headers['idempotency-key']), items);
        response.writeHead(isRefused ? 422 : 200).end();
      });
    });
  }

  static async start(): Promise<KeyedReceiver> {
    const receiver = new KeyedReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  of(path: string): Map<string, readonly Row[]> {
    const run = this.#runs.get(path) ?? new Map<string, readonly Row[]>();
    this.#runs.set(path, run);
    return run;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export interface Surroundings {
  readonly receiver: KeyedReceiver;
  /** Where an S3 server is: a bucket to write below, and a reader of what is published. */
  readonly s3?: {
    readonly uri: string;
    readonly env: NodeJS.ProcessEnv;
    published(uri: string): ReadonlyMap<string, Buffer>;
  };
}

let runs = 0;

/** Runs the job in a new folder, killed as often as told, then to its end. */
export async function runKilled(scenario: Scenario, kills: readonly Kill[], around: Surroundings): Promise<Outcome> {
  return inScenario(scenario, around, async (config) => {
    let killed = 0;
    for (const kill of kills) {
      const { text } = await child(config, kill, around.s3?.env);
      if (text === undefined) killed += 1;
      else break;
    }
    return { killed, last: await child(config, undefined, around.s3?.env) };
  });
}

/** A new folder with the input, and what is found there, in the databases and at the receiver when `run` is done. */
async function inScenario(
  scenario: Scenario,
  { receiver, s3 }: Surroundings,
  run: (config: object) => Promise<{ readonly killed: number; readonly last: Ended }>,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  const path = `/${scenario.isScanned ? 'scanned' : 'plain'}-${process.pid}-${++runs}`;
  const url = scenario.sink === 's3' ? `${s3?.uri}${path}` : `${receiver.origin}${path}`;
  try {
    mkdirSync(join(folder, 'out'));
    for (let part = 0; part < Math.max(1, scenario.partitions); part++) {
      writeFileSync(join(folder, `in-${part}.csv`), inputOf(scenario, part));
    }
    const suffix = randomUUID().slice(0, 8);
    const databases = scenario.databases === undefined ? {} : { databases: { ...scenario.databases, suffix } };
    const { killed, last } = await run({ ...scenario, folder, url, ...databases });
    if (last.text === undefined) throw new Error(`${JSON.stringify(scenario)} ended without an answer: ${last.errors}`);
    const files = scenario.sink === 's3' && s3 !== undefined ? s3.published(url) : filesBelow(join(folder, 'out'));
    return { answer: JSON.parse(last.text) as Answer, files, kills: killed, requests: receiver.of(path) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Freezes a run (SIGSTOP) as it begins to write, lets another take the job over once the lease is out, then lets the first
 * go on. What is in the sink is read after that.
 */
export async function runFrozen(scenario: Scenario, around: Surroundings): Promise<Outcome> {
  return inScenario(scenario, around, async (config) => {
    const kill = { point: 'beforeWrite', nth: 3, signal: 'SIGSTOP' };
    const frozen = spawn(process.execPath, [script, JSON.stringify({ ...config, kill, leaseTtlMs: 1500 })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(frozen, 'close');
    const isFrozen = new Promise<void>((resolve) => {
      frozen.stdout.on('data', (bytes: Buffer) => {
        if (bytes.includes('frozen')) resolve();
      });
    });
    try {
      await Promise.race([isFrozen, ended]);
      await child({ ...config, leaseTtlMs: 1500 }, undefined, undefined);
    } finally {
      frozen.kill('SIGCONT');
      await ended;
    }
    return { killed: 1, last: await child(config, undefined, undefined) };
  });
}

/** One process. @returns the line it ended with, or undefined when it was killed */
async function child(config: object, kill: Kill | undefined, env: NodeJS.ProcessEnv | undefined): Promise<Ended> {
  const point = kill !== undefined && 'point' in kill ? { kill } : {};
  const started = spawn(process.execPath, [script, JSON.stringify({ ...config, ...point })], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  started.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    if (timer !== undefined || kill === undefined || !('afterMs' in kill)) return;
    timer = setTimeout(() => started.kill('SIGKILL'), kill.afterMs);
  });
  started.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const [code, signal] = (await once(started, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === 'SIGKILL') return { text: undefined, errors };
  if (code !== 0) throw new Error(`killed-job.mjs ended with ${code ?? signal}: ${errors}`);
  return { text: output.split('\n').find((line) => line.startsWith('{')), errors };
}

/** What is wrong with an outcome: rows lost or doubled, files that differ from those of a quiet run, counts, skipped items. */
export function judge(scenario: Scenario, quiet: Outcome, { answer, files, kills, requests }: Outcome): Verdict {
  const problems: string[] = [];
  const says = (what: string, found: unknown, wanted: unknown): void => {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (a !== b) problems.push(`${what}: ${a?.slice(0, 500)} instead of ${b?.slice(0, 500)}`);
  };
  says('status', answer.status, 'COMPLETED');
  if (answer.failure !== undefined) problems.push(answer.failure);
  const model = modelOf(scenario);
  let wanted: readonly number[] = model.written;
  if (scenario.sink === 'dataset') {
    wanted = [];
    says('files', contents(files), contents(quiet.files));
  } else {
    const { read, filter, write, readSkip, processSkip, writeSkip, skip, commit } = answer.counts;
    says('counts', { read, filter, write, readSkip, processSkip, writeSkip, skip }, model.counts);
    says('commits', commit, quiet.answer.counts['commit']);
    says('skipped items', answer.skipped, model.skipped);
  }
  const found = writtenIds(scenario, answer, files, requests);
  if (found !== undefined) {
    const times = new Map<number, number>();
    for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
    const lost = wanted.filter((id) => !times.has(id)).length;
    let doubled = found.length - times.size;
    const allowed = scenario.sink === 'function' ? kills * chunk * Math.max(1, scenario.partitions) : 0;
    if (lost > 0 || doubled > allowed) problems.push(`${lost} lost, ${doubled} doubled of ${wanted.length}`);
    if (times.size > wanted.length) problems.push(`${times.size - wanted.length} rows that should not be there`);
    if (doubled <= allowed) doubled = 0;
    return { lost, doubled, problems };
  }
  says('files', contents(files), contents(quiet.files));
  return { lost: 0, doubled: 0, problems };
}

/** The ids in the sink, or undefined for files, which are compared byte by byte. */
function writtenIds(
  { sink }: Scenario,
  { tables }: Answer,
  files: ReadonlyMap<string, Buffer>,
  requests: ReadonlyMap<string, readonly Row[]>,
): readonly number[] | undefined {
  switch (sink) {
    case 'table':
    case 'transactional':
      return tables.own.map(({ id }) => id);
    case 'upsert':
      return tables.keyed.map(({ id }) => id);
    case 'otherTable':
      return tables.other.map(({ id }) => id);
    case 'http':
      return [...requests.values()].flat().map(({ id }) => id);
    case 'function': {
      const lines = files.get('calls.ndjson')?.toString().split('\n').slice(0, -1) ?? [];
      return lines.map((line) => (JSON.parse(line) as Row).id);
    }
    default:
      return undefined;
  }
}

/** What any run must come to, from the rules that killed-job.mjs states. */
function modelOf({ isScanned, partitions, rows }: Scenario): {
  readonly counts: object;
  readonly skipped: readonly string[];
  readonly written: readonly number[];
} {
  const [skipped, written]: [string[], number[]] = [[], []];
  const of = { read: 0, filter: 0, readSkip: 0, processSkip: 0, writeSkip: 0 };
  for (let part = 0; part < Math.max(1, partitions); part++) {
    for (let row = 0; row < rows; row++) {
      const id = part * rows + row;
      if (isMalformed(id)) {
        of.readSkip += 1;
        skipped.push(`${part} read ${row}`);
        continue;
      }
      of.read += 1;
      if (id % 10 === 4) of.filter += 1;
      else if (id % 17 === 5) {
        of.processSkip += 1;
        skipped.push(`${part} process ${row}`);
      } else if (isScanned && id % 13 === 7) {
        of.writeSkip += 1;
        skipped.push(`${part} write ${row}`);
      } else written.push(id);
    }
  }
  const { read, filter, readSkip, processSkip, writeSkip } = of;
  const skip = readSkip + processSkip + writeSkip;
  const counts = { read, filter, write: written.length, readSkip, processSkip, writeSkip, skip };
  return { counts, skipped: skipped.sort(), written };
}

function isMalformed(id: number): boolean {
  return id % 23 === 11;
}

function inputOf({ rows }: Scenario, part: number): string {
  const lines = Array.from({ length: rows }, (_, row) => {
    const id = part * rows + row;
    return `${id},name ${id}${isMalformed(id) ? ',more' : ''}\n`;
  });
  return `id,name\n${lines.join('')}`;
}

function filesBelow(folder: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) found.set(relative(folder, path), readFileSync(path));
  }
  return found;
}

/** Names and contents; those of an engine's output have names of their own each time. */
function contents(files: ReadonlyMap<string, Buffer>): readonly string[] {
  return [...files].map(([name, bytes]) => `${name.replace(/[0-9a-f]{8,}/g, '*')} ${bytes.toString('base64')}`);
}

/**
 * A run without kills, then one that is killed at each of the points in turn, now at the first, now at a later passing.
 * @returns how the second differs from what it should be
 */
export async function killAlong(
  scenario: Scenario,
  points: readonly string[],
  around: Surroundings,
): Promise<Verdict & { readonly missed: number }> {
  const quiet = await runKilled(scenario, [], around);
  const { problems } = judge(scenario, quiet, quiet);
  if (problems.length > 0) return { lost: 0, doubled: 0, missed: 0, problems };
  const kills: Kill[] = points.map((point, index) => {
    const nths = firstMiddleLast(quiet.answer.passed[point] ?? 1);
    return { point, nth: Math.min(nths[index % nths.length] ?? 1, 2) };
  });
  const outcome = await runKilled(scenario, kills, around);
  return { ...judge(scenario, quiet, outcome), missed: kills.length - outcome.kills };
}

/** Runs `work` for all, two at a time. */
export async function twoAtATime<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < all.length; at = next++) await work(all[at] as T);
  };
  await Promise.all([worker(), worker()]);
}

export function firstMiddleLast(passed: number): readonly number[] {
  return [...new Set([1, Math.ceil(passed / 2), passed])];
}
