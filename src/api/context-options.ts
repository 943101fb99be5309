import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { byteSize } from '../base/byte-size.ts';
import { MillraceError } from '../base/errors.ts';
import type { S3Settings } from '../data/io/remote/io-protocol.ts';
import type { SpeculationSettings } from '../engine/scheduler/speculation.ts';
import type { PoolSettings, SchedulingMode } from '../engine/scheduler/task-queue.ts';

export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

/** What `MillraceContext.create` takes. Every option has a default. */
export interface ContextOptions {
  /** `local[*]`: one worker a core (default); `local[4]`: four; `local`: one. */
  readonly master?: string | undefined;
  /** Worker threads; overrides `master`. */
  readonly workers?: number | undefined;
  /** Shown in progress and logs. Default `millrace`. */
  readonly appName?: string | undefined;
  /** Shared memory for cached and shuffled data and working memory of tasks, together: `'512mb'`, `'4gb'` or bytes. Default half of the machine's. */
  readonly memory?: string | number | undefined;
  /** Where temporary files go, in a folder of their own that is removed by `stop()`; that of a killed process by the next context there. Default the system's. */
  readonly tempDir?: string | undefined;
  /** Partitions of `parallelize` and `range` when none are given. Default: the number of workers. */
  readonly defaultParallelism?: number | undefined;
  /** One line of progress on stderr. Default: when stderr is a terminal. */
  readonly progress?: boolean | undefined;
  /** What is logged to stderr. Default `warn`. */
  readonly logLevel?: LogLevel | undefined;
  /** Tries of a task before its action fails. Default 4. */
  readonly maxTaskFailures?: number | undefined;
  /** V8's heap limit of each worker in MB. Default V8's own. */
  readonly workerHeapMb?: number | undefined;
  /** How actions that run at the same time share the workers: in order of submission, or evenly. Default FIFO. */
  readonly scheduling?: SchedulingMode | undefined;
  /**
   * Runs a task a second time beside one that takes long: more than `multiplier` (default 3) times the median of those of its stage, once
   * `quantile` (default 0.9) of them have ended; looked at every `intervalMs` (default 100). The first to end counts, once, the other is
   * ended. Default false, for a function with effects of its own would have them twice.
   */
  readonly speculation?: boolean | Partial<SpeculationSettings> | undefined;
  /** How s3: paths are reached. Credentials come from the AWS SDK's own chain unless they are given here; they appear in no log or plan. */
  readonly s3?: S3Settings | undefined;
  /**
   * Pools that actions name as `count({ pool: 'nightly' })`. Pools share the workers by their `weight` (default 1), after each has its
   * `minShare` (default 0); `mode` says how the actions inside one do: FIFO (default) or FAIR. Actions that name no pool are in `default`,
   * whose mode is `scheduling`.
   */
  readonly pools?: Readonly<Record<string, Partial<PoolSettings>>> | undefined;
}

export interface ResolvedOptions {
  readonly workers: number;
  readonly appName: string;
  readonly memoryBytes: number;
  readonly tempDir: string;
  readonly defaultParallelism: number;
  readonly progress: boolean;
  readonly logLevel: LogLevel;
  readonly maxTaskFailures: number;
  readonly workerHeapMb: number | undefined;
  readonly scheduling: SchedulingMode;
  readonly pools: Readonly<Record<string, Partial<PoolSettings>>>;
  readonly speculation: SpeculationSettings | undefined;
  readonly s3: S3Settings | undefined;
}

const known: ReadonlySet<string> = new Set([
  'master',
  'workers',
  'appName',
  'memory',
  'tempDir',
  'defaultParallelism',
  'progress',
  'logLevel',
  'maxTaskFailures',
  'workerHeapMb',
  'scheduling',
  'pools',
  'speculation',
  's3',
] satisfies (keyof ContextOptions)[]);

const logLevels: readonly LogLevel[] = ['off', 'error', 'warn', 'info', 'debug'];

export function checkLogLevel(level: LogLevel | Uppercase<LogLevel>): LogLevel {
  const found = logLevels.find((known) => known === String(level).toLowerCase());
  if (found !== undefined) return found;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `setLogLevel: must be one of ${logLevels.join(', ')}, got ${shown(level)}.`,
  );
}

/** Checks every option once, naming the one that is wrong. */
export function resolveOptions(options: ContextOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null)
    fail('options', 'must be an object', 'Leave it out for the defaults.');
  for (const name of Object.keys(options))
    if (!known.has(name)) fail(name, 'is no option', `Options are: ${[...known].join(', ')}.`);
  const ofMaster = workersOf(options.master);
  const workers = integer('workers', options.workers, 1, 1024) ?? ofMaster;
  return Object.freeze({
    workers,
    appName: text('appName', options.appName) ?? 'millrace',
    memoryBytes: memory(options.memory) ?? Math.floor(totalmem() / 2),
    tempDir: text('tempDir', options.tempDir) ?? tmpdir(),
    defaultParallelism: integer('defaultParallelism', options.defaultParallelism, 1, 1e6) ?? workers,
    progress: boolean('progress', options.progress) ?? process.stderr.isTTY === true,
    logLevel: oneOf('logLevel', options.logLevel, logLevels) ?? 'warn',
    maxTaskFailures: integer('maxTaskFailures', options.maxTaskFailures, 1, 1000) ?? 4,
    workerHeapMb: integer('workerHeapMb', options.workerHeapMb, 16, 1e6),
    scheduling: oneOf('scheduling', options.scheduling, ['FIFO', 'FAIR']) ?? 'FIFO',
    pools: pools(options.pools) ?? {},
    speculation: speculation(options.speculation),
    s3: s3(options.s3),
  });
}

function fail(name: string, what: string, mend: string): never {
  throw new MillraceError('MR_OPTION_INVALID', `MillraceContext.create: ${name} ${what}. ${mend}`, {
    details: { option: name },
  });
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function workersOf(master: unknown): number {
  if (master === undefined || master === 'local[*]') return availableParallelism();
  if (master === 'local') return 1;
  const count = typeof master === 'string' ? /^local\[(\d+)\]$/.exec(master)?.[1] : undefined;
  const workers = Number(count);
  if (count === undefined || workers < 1 || workers > 1024)
    fail(
      'master',
      `must be 'local', 'local[*]' or 'local[n]', got ${shown(master)}`,
      'Leave it out for one worker a core.',
    );
  return workers;
}

function integer(name: string, value: unknown, least: number, greatest: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= greatest) return value;
  return fail(
    name,
    `must be an integer from ${least} to ${greatest}, got ${shown(value)}`,
    'Leave it out for the default.',
  );
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  return fail(name, `must be a text that is not empty, got ${shown(value)}`, 'Leave it out for the default.');
}

function boolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  return fail(name, `must be true or false, got ${shown(value)}`, 'Leave it out for the default.');
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  return (
    found ?? fail(name, `must be one of ${allowed.join(', ')}, got ${shown(value)}`, 'Leave it out for the default.')
  );
}

const LEAST_MEMORY = 16 * 2 ** 20;

function memory(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const bytes = byteSize(value);
  if (!(bytes >= LEAST_MEMORY && bytes < Number.POSITIVE_INFINITY))
    fail(
      'memory',
      `must be at least 16mb, as '512mb', '4gb' or a number of bytes, got ${shown(value)}`,
      'Leave it out for half of the machine.',
    );
  return Math.floor(bytes);
}

function pools(value: unknown): Readonly<Record<string, Partial<PoolSettings>>> | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null)
    fail(
      'pools',
      `must be an object of pools by name, got ${shown(value)}`,
      "As { nightly: { mode: 'FAIR', weight: 2 } }.",
    );
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([name, settings]) => [name, pool(name, settings)])),
  );
}

function pool(name: string, value: unknown): Partial<PoolSettings> {
  const option = `pools.${name}`;
  if (typeof value !== 'object' || value === null)
    fail(option, `must be an object, got ${shown(value)}`, 'As { mode, weight, minShare }.');
  for (const key of Object.keys(value))
    if (!['mode', 'weight', 'minShare'].includes(key))
      fail(`${option}.${key}`, 'is no option', 'Options are: mode, weight, minShare.');
  const settings = value as Record<keyof PoolSettings, unknown>;
  return {
    ...given('mode', oneOf<SchedulingMode>(`${option}.mode`, settings.mode, ['FIFO', 'FAIR'])),
    ...given('weight', positive(`${option}.weight`, settings.weight)),
    ...given('minShare', integer(`${option}.minShare`, settings.minShare, 0, 1024)),
  };
}

/** As Spark 4 has them. */
const speculationDefaults: SpeculationSettings = { multiplier: 3, quantile: 0.9, intervalMs: 100 };

function speculation(value: unknown): SpeculationSettings | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return speculationDefaults;
  if (typeof value !== 'object' || value === null)
    fail(
      'speculation',
      `must be true, false or an object, got ${shown(value)}`,
      'As { multiplier, quantile, intervalMs }.',
    );
  for (const key of Object.keys(value))
    if (!Object.hasOwn(speculationDefaults, key))
      fail(`speculation.${key}`, 'is no option', `Options are: ${Object.keys(speculationDefaults).join(', ')}.`);
  const settings = value as Record<keyof SpeculationSettings, unknown>;
  const quantile = positive('speculation.quantile', settings.quantile) ?? speculationDefaults.quantile;
  if (quantile > 1)
    fail('speculation.quantile', `must be above 0 and at most 1, got ${quantile}`, 'Leave it out for the default.');
  return Object.freeze({
    multiplier: positive('speculation.multiplier', settings.multiplier) ?? speculationDefaults.multiplier,
    quantile,
    intervalMs: integer('speculation.intervalMs', settings.intervalMs, 1, 3_600_000) ?? speculationDefaults.intervalMs,
  });
}

/** The setting, unless it was left out: a default that is spread over stays. */
function given<K extends keyof PoolSettings>(name: K, value: PoolSettings[K] | undefined): Partial<PoolSettings> {
  return value === undefined ? {} : { [name]: value };
}

function positive(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  return fail(name, `must be a number above 0, got ${shown(value)}`, 'Leave it out for the default.');
}

const s3Options: Readonly<Record<keyof S3Settings, string>> = {
  endpoint: 'string',
  region: 'string',
  forcePathStyle: 'boolean',
  credentials: 'object',
  timeoutMs: 'number',
  conditionalWrites: 'boolean',
};

/** Names what is wrong, never a value: it may be a secret. */
function s3(value: unknown): S3Settings | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null)
    fail('s3', `must be an object, got ${typeof value}`, 'As { endpoint, region, forcePathStyle, credentials }.');
  for (const [name, setting] of Object.entries(value)) {
    const type: string | undefined = Object.hasOwn(s3Options, name) ? s3Options[name as keyof S3Settings] : undefined;
    if (type === undefined) fail(`s3.${name}`, 'is no option', `Options are: ${Object.keys(s3Options).join(', ')}.`);
    if (setting !== undefined && typeof setting !== type)
      fail(`s3.${name}`, `must be a ${type}, got ${typeof setting}`, 'Leave it out for the default.');
  }
  const { credentials } = value as S3Settings;
  if (credentials !== undefined && !(isText(credentials?.accessKeyId) && isText(credentials.secretAccessKey)))
    fail(
      's3.credentials',
      'must hold the texts accessKeyId and secretAccessKey',
      "Leave it out for the SDK's own chain.",
    );
  return Object.freeze({ ...value });
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
