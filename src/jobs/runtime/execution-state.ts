import { MillraceError } from '../../base/errors.ts';
import { jsonText } from '../definition/json-text.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { ExecutionContext } from '../definition/step-context.ts';

const mostBytes = 64 * 1024;

/** The values of an {@link ExecutionContext}: texts of JSON, so that nothing a step does to a value later changes them. */
export class ExecutionState implements ExecutionContext {
  readonly #what: string;
  readonly #store: (text: string) => Promise<void>;
  #values: Map<string, string> = new Map();
  #bytes = 0;
  #isDirty = false;
  #isOver = false;
  #version = 0;

  /** @param what begins messages: `job "daily", step "load"` @param text of an earlier state */
  constructor(what: string, text: string | undefined, store: (text: string) => Promise<void>) {
    this.#what = what;
    this.#store = store;
    this.#fill(text);
  }

  /** Whether it was changed since it was last taken with {@link text}. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  get<T extends JsonValue = JsonValue>(key: string): T | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : (JSON.parse(value) as T);
  }

  set(key: string, value: JsonValue): void {
    const text = jsonText(value, `${this.#what}: the value of "${key}" in its context`);
    const before = this.#values.get(key);
    const grown = this.#bytes + sizeOf(key, text) - (before === undefined ? 0 : sizeOf(key, before));
    // The braces, but no comma behind the last value.
    const bytes = grown + 1;
    if (bytes > mostBytes) {
      throw new MillraceError(
        'MR_CONTEXT_TOO_LARGE',
        `${this.#what}: its context would take ${bytes} bytes with "${key}", and may take ${mostBytes}. Keep large data in files or tables and their names here.`,
        { details: { key, bytes } },
      );
    }
    this.#bytes = grown;
    this.#values.set(key, text);
    this.#changed();
  }

  delete(key: string): void {
    const before = this.#values.get(key);
    if (before === undefined) return;
    this.#bytes -= sizeOf(key, before);
    this.#values.delete(key);
    this.#changed();
  }

  async save(): Promise<void> {
    if (this.#isOver) {
      throw new MillraceError(
        'MR_ABORTED',
        `${this.#what}: has ended, so nothing more is saved in its context. Await everything the step starts, and heed c.signal.`,
      );
    }
    const version = this.#version;
    await this.#store(this.text());
    this.stored(version);
  }

  /** What it belongs to has ended: code left behind may not save any more. */
  end(): void {
    this.#isOver = true;
  }

  /** Grows with each change. */
  get version(): number {
    return this.#version;
  }

  #changed(): void {
    this.#isDirty = true;
    this.#version += 1;
  }

  /** All of it as one JSON object. */
  text(): string {
    return `{${[...this.#values].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
  }

  /** Its text of that version was stored; what changed since is still to be. */
  stored(version: number): void {
    if (version === this.#version) this.#isDirty = false;
  }

  /** Back to an earlier text: by default to what was stored last. */
  reset(text: string | undefined, isStored = true): void {
    this.#fill(text);
    this.#isDirty = !isStored;
    this.#version += 1;
  }

  #fill(text: string | undefined): void {
    const values = text === undefined ? {} : (JSON.parse(text) as Readonly<Record<string, JsonValue>>);
    this.#values = new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
    this.#bytes = 0;
    for (const [key, value] of this.#values) this.#bytes += sizeOf(key, value);
  }
}

function sizeOf(key: string, text: string): number {
  return Buffer.byteLength(JSON.stringify(key)) + Buffer.byteLength(text) + 2;
}
