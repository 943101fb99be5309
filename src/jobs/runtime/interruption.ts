import { MillraceError } from '../../base/errors.ts';
import { startTimer } from '../../base/timers.ts';

/** Why work ends before its end. Only a stop is soft: what is under way may still be completed. */
export type InterruptionKind = 'stop' | 'transactionTimeout' | 'stepTimeout' | 'jobTimeout' | 'leaseLost' | 'drained';

/** How long a read is waited for once a stop was asked for: a queue may have nothing to give for hours. */
const stopGraceMs = 1000;
/** How long code that was told to end may take before it is left behind (ST-27). */
const graceMs = 5000;

/** An abort with a reason, handed down from the job to its steps and partitions. A hard one may follow a soft one. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #hard = new AbortController();
  readonly #children = new Set<Interruption>();
  /** Of work that is guarded: a hundred items may be at once, too many for listeners of one signal. */
  readonly #onHard = new Set<() => void>();
  /** Of reads that are waited for. */
  readonly #onAny = new Set<() => void>();
  readonly #parent: Interruption | undefined;
  #kind: InterruptionKind | undefined;
  #error: MillraceError | undefined;

  constructor(parent?: Interruption) {
    this.#parent = parent;
    if (parent === undefined) return;
    parent.#children.add(this);
    if (parent.#kind !== undefined) this.interrupt(parent.#kind, parent.error);
  }

  /** For users' code: aborts at the first interruption. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts when nothing may be committed any more. */
  get hardSignal(): AbortSignal {
    return this.#hard.signal;
  }

  get kind(): InterruptionKind | undefined {
    return this.#kind;
  }

  get isHard(): boolean {
    return this.#hard.signal.aborted;
  }

  get error(): MillraceError {
    return this.#error ?? new MillraceError('MR_ABORTED', 'The step was stopped.');
  }

  interrupt(kind: InterruptionKind, error: MillraceError): void {
    const isHard = kind !== 'stop';
    if (this.isHard || (this.#kind !== undefined && !isHard)) return;
    this.#kind = kind;
    this.#error = error;
    this.#controller.abort(error);
    for (const onAny of this.#onAny) onAny();
    if (isHard) {
      this.#hard.abort(error);
      for (const onHard of this.#onHard) onHard();
    }
    for (const child of this.#children) child.interrupt(kind, error);
  }

  /** Interrupts at a time from now, on a real timer. @returns a function that calls it off */
  after(timeoutMs: number | undefined, kind: InterruptionKind, error: () => MillraceError): () => void {
    if (timeoutMs === undefined) return () => undefined;
    return startTimer(() => this.interrupt(kind, error()), timeoutMs);
  }

  /** The end of what it was for: its parent forgets it. */
  release(): void {
    if (this.#parent !== undefined) this.#parent.#children.delete(this);
  }

  /** As {@link guard}, and no longer than a second after a stop: for what may wait for ever, and has done nothing yet. */
  async guardWait<T>(work: T | Promise<T>): Promise<T> {
    if (!(work instanceof Promise) && !isThenable(work)) return work;
    let timer: NodeJS.Timeout | undefined;
    let onAbort = (): void => undefined;
    const stopped = new Promise<never>((_, reject) => {
      onAbort = () => {
        timer = setTimeout(() => reject(this.error), stopGraceMs);
      };
    });
    if (this.#kind !== undefined) onAbort();
    else this.#onAny.add(onAbort);
    try {
      return await Promise.race([this.guard(work), stopped]);
    } finally {
      clearTimeout(timer);
      this.#onAny.delete(onAbort);
    }
  }

  /** `work`, but no longer than a grace period after a hard interruption; then its error is thrown and `work` left behind. */
  async guard<T>(work: T | Promise<T>): Promise<T> {
    if (!(work instanceof Promise) && !isThenable(work)) return work;
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const onHard = (): void => {
        const isDrained = this.#kind === 'drained';
        timer = setTimeout(() => reject(this.error), isDrained ? 0 : graceMs);
      };
      const settle = (end: () => void): void => {
        if (timer !== undefined) clearTimeout(timer);
        this.#onHard.delete(onHard);
        end();
      };
      if (this.isHard) onHard();
      else this.#onHard.add(onHard);
      Promise.resolve(work).then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
