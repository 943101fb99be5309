import { readFileSync } from 'node:fs';
import { captureCallSite } from '../base/call-site.ts';
import { shipAs } from '../base/closures/shippable.ts';
import { MillraceError } from '../base/errors.ts';
import { checkKnownOptions } from '../data/io/known-options.ts';
import { LocalBackend } from '../engine/backends/local-backend.ts';
import { type EngineEvent, EVENT_KINDS } from '../engine/protocol/events.ts';
import {
  type Accumulation,
  Accumulator,
  type AccumulatorBase,
  checkNumber,
  checkWhole,
  collecting,
  NumberAccumulator,
} from './accumulator.ts';
import { Broadcast } from './broadcast.ts';
import {
  type ContextOptions,
  checkLogLevel,
  type LogLevel,
  type ResolvedOptions,
  resolveOptions,
} from './context-options.ts';
import { ContextSources } from './context-sources.ts';
import { ProgressLine } from './progress.ts';
import type { RDD } from './rdd.ts';
import { type ActionOptions, type FunctionOptions, functionToShip } from './rdd-core.ts';
import { StatusTracker } from './status-tracker.ts';

/**
 * The way into millrace: makes RDDs from files and values, and holds the worker threads that run them.
 *
 * `stop()` ends every thread and removes every temporary file; `await using` does it at the end of a block. A program that forgets it
 * still exits.
 *
 * @example
 * ```ts
 * import { MillraceContext } from 'millrace';
 * const sc = await MillraceContext.create({ appName: 'even', workers: 2 });
 * console.log(await sc.range(100).filter((n) => n % 2 === 0).count());
 * await sc.stop();
 * ```
 */
export class MillraceContext extends ContextSources {
  readonly #options: ResolvedOptions;
  readonly #backend: LocalBackend;
  readonly #accumulators = new Map<number, WeakRef<AccumulatorBase<unknown, unknown>>>();
  /** When it was made: milliseconds since the epoch. */
  readonly startTime: number = Date.now();
  /** What runs now, and how what ran has ended. */
  readonly statusTracker: StatusTracker = new StatusTracker();
  #logLevel: LogLevel;
  #isStopped = false;

  private constructor(options: ResolvedOptions) {
    super();
    this.#options = options;
    this.#logLevel = options.logLevel;
    this.#backend = new LocalBackend({
      ...options,
      stores: { s3: options.s3 },
      onListenerError: (error) => this.#log('error', `a listener threw: ${String(error)}`),
      accumulate: (id, value) => this.#accumulators.get(id)?.deref()?.absorb(value),
    });
    this.#backend.events.on('*', (event) => this.statusTracker.observe(event));
    if (options.progress) {
      const progress = new ProgressLine((text) => process.stderr.write(text));
      this.#backend.events.on('*', (event) => progress.observe(event));
    }
    this.#backend.events.on('inputChanged', ({ source, added, removed }) => {
      const files = (names: readonly string[]): string => `${names.length} files (${names.slice(0, 3).join(', ')})`;
      const came = added.length === 0 ? '' : ` ${files(added)} came and are not in the result.`;
      const went = removed.length === 0 ? '' : ` ${files(removed)} went and are in the result.`;
      this.#log('warn', `${source}: while it was read,${came}${went}`);
    });
    this.#backend.events.on('workerLost', ({ message }) => this.#log('warn', `a worker thread died: ${message}`));
  }

  /**
   * Starts a context with its worker threads.
   *
   * @throws {MillraceError} MR_OPTION_INVALID naming the option that is wrong
   *
   * @example
   * ```ts
   * import { MillraceContext } from 'millrace';
   * const small = await MillraceContext.create({ workers: 1, memory: '256mb' });
   * console.log(await small.parallelize(['mill', 'race']).collect()); // ['mill', 'race']
   * await small.stop();
   * ```
   */
  static async create(options: ContextOptions = {}): Promise<MillraceContext> {
    return new MillraceContext(resolveOptions(options));
  }

  /**
   * The version of millrace.
   *
   * @example
   * ```ts
   * console.log(sc.version);
   * ```
   */
  get version(): string {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { readonly version: string }).version;
  }

  /**
   * The name given at creation.
   *
   * @example
   * ```ts
   * console.log(sc.appName);
   * ```
   */
  get appName(): string {
    return this.#options.appName;
  }

  /**
   * How many worker threads it has.
   *
   * @example
   * ```ts
   * console.log(sc.workers);
   * ```
   */
  get workers(): number {
    return this.#options.workers;
  }

  /**
   * Partitions of `parallelize` and `range` when none are given: the context's option, or one a worker.
   *
   * @example
   * ```ts
   * console.log(sc.range(10).getNumPartitions() === sc.defaultParallelism); // true
   * ```
   */
  override get defaultParallelism(): number {
    return this.#options.defaultParallelism;
  }

  /** @internal The engine behind this context: for tests of recovery, which kill threads and drop blocks. */
  override get backend(): LocalBackend {
    return this.#backend;
  }

  /**
   * Runs `fn` in the workers on each partition, or on those with the given indexes, and gives what it returns, in the order of the
   * indexes. All other actions can be made of it.
   *
   * @example
   * ```ts
   * const sizes = await sc.runJob(sc.range(0, 10, 1, 3), (rows) => [...rows].length, [0, 2]);
   * console.log(sizes); // [3, 4]
   * ```
   */
  async runJob<T, U>(
    rdd: RDD<T>,
    fn: (rows: IterableIterator<T>, index: number) => U,
    partitions?: readonly number[],
    options?: ActionOptions & FunctionOptions,
  ): Promise<Awaited<U>[]> {
    if (rdd.runner !== this.#backend)
      throw new MillraceError('MR_OPTION_INVALID', 'runJob: the RDD belongs to another context.');
    const total = rdd.getNumPartitions();
    for (const index of partitions ?? [])
      if (!Number.isInteger(index) || index < 0 || index >= total)
        throw new MillraceError(
          'MR_OPTION_INVALID',
          `runJob: partitions must be integers from 0 to ${total - 1}, got ${String(index)}.`,
        );
    const ship = functionToShip(fn, 'runJob', captureCallSite(this.runJob), options);
    const distinct = partitions === undefined ? undefined : [...new Set(partitions)];
    const values = await rdd.runPlan(
      'runJob',
      (lowering) => ({ kind: 'apply', fn: lowering.functionIndex(ship), discard: false }),
      options,
      distinct,
    );
    if (partitions === undefined || distinct === undefined) return values.flat(1) as Awaited<U>[];
    const byIndex = new Map(distinct.map((index, at) => [index, values[at]?.[0]]));
    return partitions.map((index) => byIndex.get(index) as Awaited<U>);
  }

  /**
   * Actions that start from now on belong to the group `id`, until another is set or {@link clearJobGroup}; one that names a `group` of
   * its own, as `count({ group: 'report' })`, belongs to that. (A job is an action, as in Spark.)
   *
   * @example
   * ```ts
   * sc.setJobGroup('report', 'the daily report');
   * const counting = sc.range(1e9).filter((n) => n % 7 === 0).count();
   * sc.cancelJobGroup('report');
   * await counting.catch((error) => console.log(error.code)); // 'MR_ABORTED'
   * ```
   */
  setJobGroup(id: string, description?: string): void {
    if (typeof id !== 'string')
      throw new MillraceError('MR_OPTION_INVALID', `setJobGroup: the group must be a text, got ${String(id)}.`);
    this.#backend.groups.current = id;
    this.#backend.groups.description = description;
  }

  /**
   * Actions started from now on belong to no group; see {@link setJobGroup}.
   *
   * @example
   * ```ts
   * sc.setJobGroup('report');
   * sc.clearJobGroup();
   * ```
   */
  clearJobGroup(): void {
    this.#backend.groups.current = undefined;
    this.#backend.groups.description = undefined;
  }

  /**
   * What actions that start from now on are for, as events and the status tracker tell.
   *
   * @example
   * ```ts
   * sc.setJobDescription('counting');
   * await sc.range(10).count();
   * sc.setJobDescription(undefined);
   * ```
   */
  setJobDescription(description: string | undefined): void {
    this.#backend.groups.description = description;
  }

  /**
   * Fails the running actions of a group with MR_ABORTED, also when a function is stuck in a loop; see {@link setJobGroup}.
   *
   * @example
   * ```ts
   * const counting = sc.range(1e9).filter((n) => n % 7 === 0).count({ group: 'report' });
   * sc.cancelJobGroup('report');
   * await counting.catch((error) => console.log(error.code)); // 'MR_ABORTED'
   * ```
   */
  cancelJobGroup(id: string): void {
    this.#backend.cancelGroup(id);
  }

  /**
   * Fails all running actions with MR_ABORTED.
   *
   * @example
   * ```ts
   * const counting = sc.range(1e9).filter((n) => n % 7 === 0).count();
   * sc.cancelAllJobs();
   * await counting.catch((error) => console.log(error.code)); // 'MR_ABORTED'
   * ```
   */
  cancelAllJobs(): void {
    this.#backend.cancelAll(new MillraceError('MR_ABORTED', 'The action was cancelled with all others'));
  }

  /**
   * Where `rdd.checkpoint()` writes: a path or URI, in which this context makes a folder of its own. The files stay when it stops.
   *
   * @example
   * ```ts
   * sc.setCheckpointDir('/tmp/checkpoints');
   * ```
   */
  setCheckpointDir(path: string): void {
    if (typeof path !== 'string' || path === '')
      throw new MillraceError('MR_OPTION_INVALID', `setCheckpointDir: needs a path, got ${JSON.stringify(path)}.`);
    this.#backend.checkpoints.setFolder(path);
  }

  /**
   * The folder made by {@link setCheckpointDir}; undefined before.
   *
   * @example
   * ```ts
   * sc.setCheckpointDir('/tmp/checkpoints');
   * console.log(sc.getCheckpointDir()?.startsWith('/tmp/checkpoints')); // true
   * ```
   */
  getCheckpointDir(): string | undefined {
    return this.#backend.checkpoints.folder;
  }

  /**
   * What is logged to stderr from now on; Spark's names in capitals are understood as well.
   * @throws {MillraceError} MR_OPTION_INVALID for a level there is not
   *
   * @example
   * ```ts
   * sc.setLogLevel('error');
   * ```
   */
  setLogLevel(level: LogLevel | Uppercase<LogLevel>): void {
    this.#logLevel = checkLogLevel(level);
  }

  /**
   * Sends a value to every worker once; closures read `broadcast.value`.
   *
   * @example
   * ```ts
   * const names = sc.broadcast(new Map([[1, 'one'], [2, 'two']]));
   * console.log(await sc.parallelize([2, 1]).map((n) => names.value.get(n)).collect()); // ['two', 'one']
   * ```
   */
  broadcast<T>(value: T): Broadcast<T> {
    return new Broadcast(this.#backend.nextId(), value, this.#backend);
  }

  /**
   * A value that tasks add to. `merge` must be associative and commutative and `zero` neutral for it.
   * Without `merge`, numbers, bigints and texts are added with `+`.
   *
   * @example
   * ```ts
   * const lines = sc.accumulator(0);
   * await sc.range(100).foreach(() => lines.add(1));
   * console.log(lines.value); // 100
   * ```
   */
  accumulator<V extends number | bigint | string>(
    zero: V,
  ): Accumulator<V extends number ? number : V extends bigint ? bigint : string>;
  accumulator<R>(zero: R, merge: (a: R, b: R) => R): Accumulator<R>;
  accumulator(zero: unknown, merge?: unknown): unknown {
    const isAddable = ['number', 'bigint', 'string'].includes(typeof zero);
    if (typeof merge !== 'function' && (merge !== undefined || !isAddable))
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `accumulator: needs a zero and a function that merges two values, or a number, bigint or text alone, got ${typeof zero} and ${typeof merge}.`,
      );
    const how = { zero, stateOf: undefined, merge: (merge ?? plus) as (a: unknown, b: unknown) => unknown };
    return this.#registered(new Accumulator<unknown>(this.#backend.nextId(), undefined, how));
  }

  /**
   * Adds whole numbers, and counts them: `sum`, `count`, `avg`.
   *
   * @example
   * ```ts
   * const bytes = sc.longAccumulator('bytes');
   * await sc.parallelize(['a', 'bc']).foreach((text) => bytes.add(text.length));
   * console.log(bytes.value, bytes.count); // 3 2
   * ```
   */
  longAccumulator(name?: string): NumberAccumulator {
    return this.#registered(new NumberAccumulator(this.#backend.nextId(), name, checkWhole));
  }

  /**
   * Adds numbers, and counts them: `sum`, `count`, `avg`.
   *
   * @example
   * ```ts
   * const seconds = sc.doubleAccumulator();
   * await sc.parallelize([0.5, 1.5]).foreach((n) => seconds.add(n));
   * console.log(seconds.avg); // 1
   * ```
   */
  doubleAccumulator(name?: string): NumberAccumulator {
    return this.#registered(new NumberAccumulator(this.#backend.nextId(), name, checkNumber));
  }

  /**
   * Gathers values in a list, those of a task in their order.
   *
   * @example
   * ```ts
   * const bad = sc.collectionAccumulator<string>('bad lines');
   * await sc.parallelize(['1', 'x']).foreach((line) => Number.isNaN(Number(line)) && bad.add(line));
   * console.log(bad.value); // ['x']
   * ```
   */
  collectionAccumulator<V>(name?: string): Accumulator<V, V[]> {
    const how = collecting as Accumulation<V, V[]>;
    return this.#registered(new Accumulator<V, V[]>(this.#backend.nextId(), name, how));
  }

  /**
   * Hears what the engine does: `sc.on('taskEnded', ...)`, or `'*'` for everything.
   * @returns a function that ends it
   *
   * @example
   * ```ts
   * const stop = sc.on('actionEnded', ({ action, durationMs }) => console.log(action, durationMs));
   * await sc.range(10).count();
   * stop();
   * ```
   */
  on<K extends EngineEvent['kind'] | '*'>(
    kind: K,
    listener: (event: K extends '*' ? EngineEvent : Extract<EngineEvent, { readonly kind: K }>) => void,
  ): () => void {
    if (kind !== '*') checkKnownOptions('on', { [kind]: listener }, EVENT_KINDS);
    if (typeof listener !== 'function')
      throw new MillraceError('MR_OPTION_INVALID', `on: needs a function, got ${typeof listener}.`);
    return this.#backend.events.on(kind, listener);
  }

  /**
   * Fails running actions with MR_CONTEXT_STOPPED, ends every thread and removes every temporary file. Calling it again does nothing.
   *
   * @example
   * ```ts
   * import { MillraceContext } from 'millrace';
   * const own = await MillraceContext.create({ workers: 1 });
   * await own.stop();
   * console.log(own.isStopped); // true
   * ```
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#backend.stop();
  }

  /**
   * Whether {@link stop} was called.
   *
   * @example
   * ```ts
   * console.log(sc.isStopped); // false
   * ```
   */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  static {
    shipAs(MillraceContext.prototype, () => ({
      kind: 'refuse',
      reason:
        'is the context, which lives in the program that made it. Use it outside of functions, and broadcasts and accumulators inside.',
    }));
  }

  #registered<A extends { readonly id: number }>(accumulator: A): A {
    this.#accumulators.set(accumulator.id, new WeakRef(accumulator as unknown as AccumulatorBase<unknown, unknown>));
    return accumulator;
  }

  #log(level: 'error' | 'warn', message: string): void {
    if (this.#logLevel === 'off' || (level === 'warn' && this.#logLevel === 'error')) return;
    process.stderr.write(`${this.appName}: ${level}: ${message}\n`);
  }
}

function plus(a: number, b: number): number {
  return a + b;
}
