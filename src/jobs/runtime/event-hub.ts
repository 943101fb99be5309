import type { JobEvent } from '../definition/job-event.ts';
import type { Logger } from '../definition/logger.ts';

/** Hands events to those who asked. A listener that throws is logged and harms nothing. */
export class EventHub {
  readonly #listeners = new Map<string, Set<(event: JobEvent) => void>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on(kind: JobEvent['kind'] | '*', listener: (event: JobEvent) => void): () => void {
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners);
    // A wrapper, so that the same function may listen twice.
    const own = (event: JobEvent): void => listener(event);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Whether making the event is worth while. */
  hears(kind: JobEvent['kind']): boolean {
    return (this.#listeners.get(kind)?.size ?? 0) > 0 || (this.#listeners.get('*')?.size ?? 0) > 0;
  }

  emit(event: JobEvent): void {
    for (const name of [event.kind, '*']) {
      for (const listener of [...(this.#listeners.get(name) ?? [])]) {
        try {
          const returned: unknown = listener(event);
          if (returned instanceof Promise) returned.catch((error: unknown) => this.#failed(event, error));
        } catch (error) {
          this.#failed(event, error);
        }
      }
    }
  }

  #failed(event: JobEvent, error: unknown): void {
    this.#logger.error(`a listener of the event ${event.kind} threw: ${String(error)}`, { error });
  }
}
