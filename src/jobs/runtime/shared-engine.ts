import type { MillraceContext } from '../../api/context.ts';
import type { ContextOptions } from '../../api/context-options.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import { openFileSystems } from '../../data/io/remote/open-file-systems.ts';

/** The engine of an operator's steps: made at first use, so that jobs without dataset steps never load it. */
export class SharedEngine {
  readonly #given: MillraceContext | ContextOptions | undefined;
  #engine: Promise<MillraceContext> | undefined;
  #stores: FileSystems | undefined;

  constructor(given: MillraceContext | ContextOptions | undefined) {
    this.#given = given;
  }

  get(): Promise<MillraceContext> {
    this.#engine ??= this.#make();
    return this.#engine;
  }

  /** The stores that its options reach, for readers and writers, which need no engine; undefined: those of the environment. */
  get fileSystems(): FileSystems | undefined {
    const given = this.#given;
    if (given === undefined) return undefined;
    if ('backend' in given) return given.backend.fileSystems;
    if (given.s3 !== undefined) this.#stores ??= openFileSystems({ s3: given.s3 });
    return this.#stores;
  }

  async #make(): Promise<MillraceContext> {
    const { MillraceContext } = await import('../../api/context.ts');
    return this.#given instanceof MillraceContext ? this.#given : MillraceContext.create(this.#given ?? {});
  }

  /** Only what was made here is ended here. */
  async stop(): Promise<void> {
    this.#stores?.close();
    const engine = await this.#engine?.catch(() => undefined);
    if (engine !== undefined && engine !== this.#given) await engine.stop();
  }
}
