import { MillraceError } from '../../base/errors.ts';
import { ChunkAssembly } from './chunk-assembly.ts';
import type { StepOptions } from './job.ts';
import type { ErrorMatch, RetryOptions } from './retry-options.ts';
import {
  type AnyContext,
  type Fail,
  isDuration,
  isName,
  type JobDefinition,
  type PartitionClause,
  type ReadSource,
  type RetryClause,
  type SourceClause,
  type StepBody,
  type StepDefinition,
  withRetry,
} from './step-definition.ts';

const triggerRules: readonly string[] = ['allSucceeded', 'noneFailed', 'anyFailed', 'allDone'];
const noRetry: RetryClause = Object.freeze({ errors: [], options: {} });

/**
 * Calls `build` and checks what it made and the options.
 *
 * @throws {MillraceError} MR_JOB_DEFINITION naming job and step
 */
export function buildStep(
  job: JobDefinition,
  name: string,
  build: (s: never) => object,
  // biome-ignore lint/suspicious/noExplicitAny: inside, steps have lost their types
  options: StepOptions<any, any> & { readonly after: readonly string[] },
): StepDefinition {
  const fail: Fail = (what) => {
    throw new MillraceError('MR_JOB_DEFINITION', `job "${job.name}", step "${String(name)}": ${what}.`, {
      details: { job: job.name, step: name },
    });
  };
  if (!isName(name)) fail('a step needs a name of 1 to 100 characters, none of them NUL');
  if (typeof build !== 'function') fail('has no body. Give a function: (s) => s.task(...) or s.read(...)...write(...)');
  const body = bodyOf(build(new StepAssembly(fail) as never), fail);
  const { timeoutMs, startLimit = Number.POSITIVE_INFINITY, version = 1, when = 'allSucceeded' } = options;
  if (!triggerRules.includes(when)) fail(`when must be one of ${triggerRules.join(', ')}, got ${String(when)}`);
  if (!Array.isArray(options.after)) fail(`after must be an array of step names, got ${String(options.after)}`);
  for (const name of ['if', 'migrate'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') fail(`${name} must be a function`);
  }
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) fail(`timeoutMs must be more than 0, got ${timeoutMs}`);
  if (!(startLimit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(startLimit) && startLimit >= 1))) {
    fail(`startLimit must be an integer of at least 1, got ${startLimit}`);
  }
  if (!Number.isSafeInteger(version)) fail(`version must be an integer, got ${version}`);
  const restart = options.restart ?? 'fromCheckpoint';
  if (restart !== 'fromCheckpoint' && restart !== 'fromStart') {
    fail(`restart must be 'fromCheckpoint' or 'fromStart', got ${String(restart)}`);
  }
  if (body.kind === 'chunk') checkChunk(body, restart, job.requireIdempotent, fail);
  return Object.freeze({
    name,
    after: Object.freeze([...new Set(options.after)]),
    when,
    condition: options.if,
    allowFailure: options.allowFailure ?? false,
    alwaysRun: options.alwaysRun ?? false,
    startLimit,
    timeoutMs,
    restart,
    version,
    migrate: options.migrate,
    body,
  });
}

function bodyOf(built: unknown, fail: Fail): StepBody {
  if (built instanceof FinishedStep || built instanceof TaskAssembly) return built.body;
  return fail(
    built instanceof ChunkAssembly
      ? 'reads and has no writer. End it with .write(...)'
      : 'its function returned no step. Return s.task(...), or s.read(...)...write(...)',
  );
}

function checkChunk(
  body: Extract<StepBody, { kind: 'chunk' }>,
  restart: string,
  requireIdempotent: boolean,
  fail: Fail,
): void {
  if (requireIdempotent && body.writer.guarantee === 'atLeastOnce') {
    fail(
      'its sink may write twice after a crash, and the job says requireIdempotent. Use a writer that is exactlyOnce or idempotent',
    );
  }
  const { source } = body;
  if (source.kind === 'value' && isReader(source.value)) checkRestartable(source.value, restart, fail);
}

/** @throws MR_JOB_DEFINITION by `fail`, for a reader that cannot go on in the middle and is not told to begin again (ST-54) */
export function checkRestartable(reader: { readonly restartable?: boolean }, restart: string, fail: Fail): void {
  if (reader.restartable === false && restart !== 'fromStart') {
    fail("its reader cannot go on in the middle. Say restart: 'fromStart', or use a reader that can");
  }
}

/** Whether a source is a reader, not an iterable. */
export function isReader(source: ReadSource<unknown>): source is Extract<ReadSource<unknown>, { open: unknown }> {
  return typeof source === 'object' && source !== null && 'open' in source && typeof source.open === 'function';
}

/** A step that is complete. */
class FinishedStep {
  readonly body: StepBody;

  constructor(body: StepBody) {
    this.body = Object.freeze(body);
    Object.freeze(this);
  }
}

class TaskAssembly {
  readonly body: Exclude<StepBody, { kind: 'chunk' }>;
  readonly #fail: Fail;

  constructor(body: Exclude<StepBody, { kind: 'chunk' }>, fail: Fail) {
    this.body = Object.freeze(body);
    this.#fail = fail;
    Object.freeze(this);
  }

  retry(errors: ErrorMatch | readonly ErrorMatch[], options?: RetryOptions): TaskAssembly {
    const retry = withRetry(this.body.retry, errors, options, this.#fail);
    return new TaskAssembly({ ...this.body, retry }, this.#fail);
  }
}

class StepAssembly {
  readonly #fail: Fail;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  task(run: (c: AnyContext) => unknown): TaskAssembly {
    this.#checkFunction('task', run);
    return new TaskAssembly({ kind: 'task', run, retry: noRetry }, this.#fail);
  }

  dataset(run: (sc: never, c: AnyContext) => unknown): TaskAssembly {
    this.#checkFunction('dataset', run);
    return new TaskAssembly({ kind: 'dataset', run, retry: noRetry }, this.#fail);
  }

  job(child: object, parameters: (c: AnyContext) => unknown): TaskAssembly {
    if (typeof (child as { readonly step?: unknown } | undefined)?.step !== 'function') {
      this.#fail(`job needs a job made by job(name), got ${String(child)}`);
    }
    this.#checkFunction('job', parameters);
    return new TaskAssembly({ kind: 'nested', child, parameters, retry: noRetry }, this.#fail);
  }

  read(source: ReadSource<unknown> | ((c: AnyContext) => ReadSource<unknown>)): ChunkAssembly {
    return this.#chunk(source, undefined);
  }

  partitions(split: PartitionClause['split'], options: { readonly concurrency?: number } = {}): object {
    const { concurrency } = options;
    if (typeof split !== 'function' && !(Number.isSafeInteger(split) && split >= 1)) {
      this.#fail(`partitions needs a function or an integer of at least 1, got ${String(split)}`);
    }
    if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
      this.#fail(`partitions: concurrency must be an integer of at least 1, got ${concurrency}`);
    }
    const partitions = Object.freeze({ split, concurrency });
    return Object.freeze({
      read: (source: (c: AnyContext) => ReadSource<unknown>) => {
        this.#checkFunction('read of a partitioned step', source);
        return this.#chunk(source, partitions);
      },
    });
  }

  #chunk(source: unknown, partitions: PartitionClause | undefined): ChunkAssembly {
    return ChunkAssembly.reading(this.#source(source), partitions, this.#fail, (body) => new FinishedStep(body));
  }

  #source(source: unknown): SourceClause {
    if (typeof source === 'function') return { kind: 'function', open: source as never };
    const wrong = wrongSource(source);
    if (wrong !== undefined) this.#fail(wrong);
    return { kind: 'value', value: source as ReadSource<unknown> };
  }

  #checkFunction(method: string, value: unknown): void {
    if (typeof value !== 'function') this.#fail(`${method} needs a function, got ${String(value)}`);
  }
}

/** What is wrong with a source that is given bare, or undefined. */
export function wrongSource(source: unknown): string | undefined {
  if (typeof source === 'string') return undefined;
  if (typeof source !== 'object' || source === null) {
    return `read needs a reader, an iterable or a function that gives one, got ${String(source)}`;
  }
  if (isReader(source as ReadSource<unknown>)) return undefined;
  const { next, pipe, getReader } = source as Readonly<Record<string, unknown>>;
  if (typeof next === 'function' || typeof pipe === 'function' || typeof getReader === 'function') {
    return 'read got an iterator or stream, which can be read only once. Pass a function that makes it: read(() => ...)';
  }
  if (Symbol.iterator in source || Symbol.asyncIterator in source) return undefined;
  return 'read needs a reader (with open), an iterable or a function that gives one';
}
