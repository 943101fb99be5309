/** Listeners by kind of event; `'*'` hears all. A listener that throws is reported and harms nobody else. */
export class Emitter<E extends { readonly kind: string }> {
  readonly #listeners = new Map<string, Set<(event: E) => void>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** @returns a function that takes the listener off again */
  on<K extends E['kind'] | '*'>(
    kind: K,
    listener: (event: K extends '*' ? E : Extract<E, { readonly kind: K }>) => void,
  ): () => void {
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners);
    listeners.add(listener as (event: E) => void);
    return () => {
      listeners.delete(listener as (event: E) => void);
    };
  }

  emit(event: E): void {
    if (this.#listeners.size === 0) return;
    for (const kind of [event.kind, '*'])
      for (const listener of this.#listeners.get(kind) ?? []) {
        try {
          listener(event);
        } catch (error) {
          this.#onError(error);
        }
      }
  }
}
