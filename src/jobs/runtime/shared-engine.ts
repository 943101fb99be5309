import type { MillraceContext } from '../../api/context.ts';
import type { ContextOptions } from '../../api/context-options.ts';

/** The engine of an operator's steps: made at first use, so that jobs without dataset steps never load it. */
export class SharedEngine {
  readonly #given: MillraceContext | ContextOptions | undefined;
  #engine: Promise<MillraceContext> | undefined;

  constructor(given: MillraceContext | ContextOptions | undefined) {
    this.#given = given;
  }

  get(): Promise<MillraceContext> {
    this.#engine ??= this.#make();
    return this.#engine;
  }

  async #make(): Promise<MillraceContext> {
    const { MillraceContext } = await import('../../api/context.ts');
    return this.#given instanceof MillraceContext ? this.#given : MillraceContext.create(this.#given ?? {});
  }

  /** Only what was made here is ended here. */
  async stop(): Promise<void> {
    const engine = await this.#engine?.catch(() => undefined);
    if (engine !== undefined && engine !== this.#given) await engine.stop();
  }
}
