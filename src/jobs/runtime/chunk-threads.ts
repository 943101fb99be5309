import { FILTER } from '../definition/filter.ts';
import type { AnyContext } from '../definition/step-definition.ts';
import type { LoopState } from './open-chunk.ts';
import { type ThreadError, threadErrorOf, workerErrorText } from './thread-error.ts';

type UserFunction = (item: unknown, c: unknown) => unknown;
/** What a worker sends back of an item: a value, FILTER, undefined or an error. */
type Answer =
  | readonly [kind: 'value', value: unknown]
  | readonly ['filter' | 'nothing']
  | readonly ['error', ThreadError];

interface Call {
  readonly item: unknown;
  readonly attempt: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A `process(fn, { threads: true })` stage: the items that are waiting for it go to the engine's workers together, as
 * many runs of near-equal length as there are workers, and come back in order (ST-202).
 *
 * A worker has the plain part of the step's context: what it is and its parameters, no database, log or signal.
 */
export class ThreadedCalls {
  readonly #loop: LoopState;
  readonly #fn: UserFunction;
  #waiting: Call[] = [];

  constructor(loop: LoopState, fn: UserFunction) {
    this.#loop = loop;
    this.#fn = fn;
  }

  /** What `fn` returns for the item; rejects with what it throws. */
  call(item: unknown, c: AnyContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, attempt: c.attempt, resolve, reject });
      // All that is ready in this turn of the loop goes along.
      if (this.#waiting.length === 1) setImmediate(() => void this.#send());
    });
  }

  async #send(): Promise<void> {
    const calls = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.#compute(calls);
      for (const [at, { resolve, reject }] of calls.entries()) {
        const [kind, value] = answers[at] ?? ['nothing'];
        if (kind === 'error') reject(threadErrorOf(value as ThreadError));
        else if (kind === 'filter') resolve(FILTER);
        else resolve(kind === 'value' ? value : undefined);
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  async #compute(calls: readonly Call[]): Promise<readonly Answer[]> {
    const { c } = this.#loop;
    const sc = await c.millrace();
    const rows = calls.map(({ item, attempt }) => [item, attempt] as const);
    const parts = Math.min(sc.defaultParallelism, rows.length);
    const { parameters, partition, isRestart, createTime, jobName, stepName } = c;
    const { instanceId, executionId, stepExecutionId, signal } = c;
    const plain = { parameters, isRestart, createTime, jobName, stepName, instanceId, executionId, stepExecutionId };
    const answer = answering(this.#fn, partition === undefined ? plain : { ...plain, partition }, workerErrorText);
    return sc
      .parallelize(rows, parts)
      .map(answer)
      .collect({ signal, pool: `${jobName}/${stepName}` });
  }
}

/** The function that travels: catches what `fn` throws, so that one item's error is not the action's. */
function answering(
  fn: UserFunction,
  plain: object,
  errorOf: (error: unknown) => ThreadError,
): (row: readonly [unknown, number]) => Answer | Promise<Answer> {
  return ([item, attempt]) => {
    const settled = (value: unknown): Answer => {
      if (value === undefined) return ['nothing'];
      // FILTER in a worker is a copy of its own.
      return typeof value === 'symbol' && value.description === 'millrace.FILTER' ? ['filter'] : ['value', value];
    };
    try {
      const value = fn(item, { ...plain, attempt });
      if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function')
        return settled(value);
      return (value as Promise<unknown>).then(settled, (error: unknown): Answer => ['error', errorOf(error)]);
    } catch (error) {
      return ['error', errorOf(error)];
    }
  };
}
