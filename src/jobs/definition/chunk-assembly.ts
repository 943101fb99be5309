import type { Guarantee } from './guarantee.ts';
import type { ChunkWrite, ItemSink, ItemWriter } from './item-writer.ts';
import type { ErrorMatch, RetryOptions } from './retry-options.ts';
import type { StandardSchemaV1 } from './standard-schema.ts';
import {
  type AnyContext,
  type ChunkBody,
  type Fail,
  isDuration,
  matchesOf,
  type PartitionClause,
  type ProcessorStage,
  type SourceClause,
  type StepBody,
  type StepListener,
  withRetry,
  wrongListener,
} from './step-definition.ts';

const listenerMethods = ['beforeStep', 'afterStep', 'beforeChunk', 'afterChunk', 'onSkip', 'onRetry'];

/** A chunk body in the making: what `write` adds is missing, and what has no default yet. */
interface Draft extends Omit<ChunkBody, 'writer' | 'fetchSize' | 'skipLimit' | 'skipScope'> {
  readonly fetchSize: number | undefined;
  readonly skipLimit: number | undefined;
  readonly skipScope: 'instance' | 'execution' | undefined;
}

/** The chunk step builder without its types. */
export class ChunkAssembly {
  readonly #draft: Draft;
  readonly #fail: Fail;
  readonly #finish: (body: StepBody) => object;

  static reading(
    source: SourceClause,
    partitions: PartitionClause | undefined,
    fail: Fail,
    finish: (body: StepBody) => object,
  ): ChunkAssembly {
    const draft: Draft = {
      kind: 'chunk',
      source,
      partitions,
      stages: [],
      size: 100,
      fetchSize: undefined,
      transactionTimeoutMs: 300_000,
      concurrency: 1,
      skip: [],
      skipLimit: undefined,
      skipScope: undefined,
      skipPolicy: undefined,
      classify: undefined,
      retry: { errors: [], options: {} },
      listeners: [],
    };
    return new ChunkAssembly(draft, fail, finish);
  }

  constructor(draft: Draft, fail: Fail, finish: (body: StepBody) => object) {
    this.#draft = draft;
    this.#fail = fail;
    this.#finish = finish;
    Object.freeze(this);
  }

  process(fn: (item: never, c: AnyContext) => unknown, options: { readonly threads?: boolean } = {}): ChunkAssembly {
    this.#checkFunction('process', fn);
    return this.#stage({ kind: 'process', fn, threads: options.threads ?? false });
  }

  processMany(fn: (item: never, c: AnyContext) => unknown): ChunkAssembly {
    this.#checkFunction('processMany', fn);
    return this.#stage({ kind: 'processMany', fn });
  }

  filter(predicate: (item: never) => boolean | Promise<boolean>): ChunkAssembly {
    this.#checkFunction('filter', predicate);
    return this.#stage({ kind: 'filter', predicate });
  }

  validate(schema: StandardSchemaV1): ChunkAssembly {
    if (typeof schema?.['~standard']?.validate !== 'function') {
      this.#fail('validate needs a Standard Schema: of Zod, Valibot, ArkType or your own');
    }
    return this.#stage({ kind: 'validate', schema });
  }

  chunk(
    size: number,
    options: { readonly fetchSize?: number; readonly transactionTimeoutMs?: number } = {},
  ): ChunkAssembly {
    const { fetchSize = this.#draft.fetchSize, transactionTimeoutMs = this.#draft.transactionTimeoutMs } = options;
    this.#checkCount('chunk: size', size);
    if (fetchSize !== undefined) this.#checkCount('chunk: fetchSize', fetchSize);
    if (!isDuration(transactionTimeoutMs)) {
      this.#fail(`chunk: transactionTimeoutMs must be more than 0, got ${transactionTimeoutMs}`);
    }
    return this.#with({ size, fetchSize, transactionTimeoutMs });
  }

  concurrency(items: number): ChunkAssembly {
    this.#checkCount('concurrency', items);
    return this.#with({ concurrency: items });
  }

  skip(
    errors: ErrorMatch | readonly ErrorMatch[],
    options: { readonly limit?: number; readonly scope?: 'instance' | 'execution' } = {},
  ): ChunkAssembly {
    const { limit, scope } = options;
    const draft = this.#draft;
    if (limit !== undefined && !(limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0))) {
      this.#fail(`skip: limit must be an integer of at least 0, or Infinity, got ${limit}`);
    }
    if (limit !== undefined && draft.skipLimit !== undefined && limit !== draft.skipLimit) {
      this.#fail(`has two skip limits, ${draft.skipLimit} and ${limit}. A step has one: say it once`);
    }
    if (scope !== undefined && scope !== 'instance' && scope !== 'execution') {
      this.#fail(`skip: scope must be 'instance' or 'execution', got ${String(scope)}`);
    }
    if (scope !== undefined && draft.skipScope !== undefined && scope !== draft.skipScope) {
      this.#fail(`has two scopes of its skip limit, '${draft.skipScope}' and '${scope}'. A step has one: say it once`);
    }
    return this.#with({
      skip: Object.freeze([...draft.skip, ...matchesOf('skip', errors, this.#fail)]),
      skipLimit: limit ?? draft.skipLimit,
      skipScope: scope ?? draft.skipScope,
    });
  }

  retry(errors: ErrorMatch | readonly ErrorMatch[], options?: RetryOptions): ChunkAssembly {
    return this.#with({ retry: withRetry(this.#draft.retry, errors, options, this.#fail) });
  }

  skipPolicy(policy: (error: Error, skippedSoFar: number) => boolean): ChunkAssembly {
    this.#checkFunction('skipPolicy', policy);
    return this.#with({ skipPolicy: policy });
  }

  classify(decide: (error: Error) => 'retry' | 'skip' | 'fail' | undefined): ChunkAssembly {
    this.#checkFunction('classify', decide);
    return this.#with({ classify: decide });
  }

  listen(listener: StepListener): ChunkAssembly {
    const wrong = wrongListener(listener, listenerMethods);
    if (wrong !== undefined) this.#fail(wrong);
    return this.#with({ listeners: Object.freeze([...this.#draft.listeners, listener]) });
  }

  write(writer: unknown): object {
    const draft = this.#draft;
    return this.#finish({
      ...draft,
      fetchSize: draft.fetchSize ?? draft.size,
      skipLimit: draft.skipLimit ?? 10,
      skipScope: draft.skipScope ?? 'instance',
      writer: this.#writer(writer),
    });
  }

  #writer(writer: unknown): ItemWriter<never> {
    if (typeof writer === 'function') return new FunctionWriter(writer as ItemSink<never>['write']);
    if (typeof writer === 'object' && writer !== null && typeof (writer as ItemWriter<never>).open === 'function') {
      return writer as ItemWriter<never>;
    }
    return this.#fail('write needs a writer or a function');
  }

  #stage(stage: ProcessorStage): ChunkAssembly {
    return this.#with({ stages: Object.freeze([...this.#draft.stages, Object.freeze(stage)]) });
  }

  #with(change: Partial<Draft>): ChunkAssembly {
    return new ChunkAssembly(Object.freeze({ ...this.#draft, ...change }), this.#fail, this.#finish);
  }

  #checkFunction(method: string, value: unknown): void {
    if (typeof value !== 'function') this.#fail(`${method} needs a function, got ${String(value)}`);
  }

  #checkCount(what: string, value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 1))
      this.#fail(`${what} must be an integer of at least 1, got ${value}`);
  }
}

/** A function as a writer: it writes before the commit, so a crash between the two makes it write again. */
class FunctionWriter implements ItemWriter<never> {
  readonly guarantee: Guarantee = 'atLeastOnce';
  readonly #write: (items: readonly never[], chunk: ChunkWrite) => void | Promise<void>;

  constructor(write: (items: readonly never[], chunk: ChunkWrite) => void | Promise<void>) {
    this.#write = write;
  }

  open(): ItemSink<never> {
    return { write: this.#write };
  }
}
