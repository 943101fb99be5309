import { rmSync } from 'node:fs';
import type { MapOutput } from '../protocol/block.ts';

/** Driver side: where the output of every map task of every shuffle lies, and how much shared memory that takes. */
export class MapOutputTracker {
  readonly #shuffles = new Map<number, (MapOutput | undefined)[]>();
  #memoryBytes = 0;

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** @param numMaps partitions of the map side; keeps what is registered already */
  open(shuffleId: number, numMaps: number): void {
    if (!this.#shuffles.has(shuffleId))
      this.#shuffles.set(
        shuffleId,
        Array.from({ length: numMaps }, () => undefined),
      );
  }

  register(shuffleId: number, output: MapOutput): void {
    this.unregister(shuffleId, output.mapPartition);
    const outputs = this.#shuffles.get(shuffleId);
    if (outputs === undefined) {
      discard(output);
      return;
    }
    outputs[output.mapPartition] = output;
    if (output.segments.kind === 'memory') this.#memoryBytes += output.sizeBytes;
  }

  unregister(shuffleId: number, mapPartition: number): void {
    const outputs = this.#shuffles.get(shuffleId);
    const output = outputs?.[mapPartition];
    if (outputs === undefined || output === undefined) return;
    outputs[mapPartition] = undefined;
    if (output.segments.kind === 'memory') this.#memoryBytes -= output.sizeBytes;
    discard(output);
  }

  /** The outputs of a shuffle and the map partitions that are missing; undefined for a shuffle that nobody has written. */
  outputs(
    shuffleId: number,
  ): { readonly outputs: readonly MapOutput[]; readonly missing: readonly number[] } | undefined {
    const all = this.#shuffles.get(shuffleId);
    if (all === undefined) return undefined;
    const outputs = all.filter((output) => output !== undefined);
    const missing = all.flatMap((output, index) => (output === undefined ? [index] : []));
    return { outputs, missing };
  }

  remove(shuffleId: number): void {
    for (const output of this.#shuffles.get(shuffleId) ?? [])
      if (output !== undefined) this.unregister(shuffleId, output.mapPartition);
    this.#shuffles.delete(shuffleId);
  }

  shuffleIds(): readonly number[] {
    return [...this.#shuffles.keys()];
  }
}

function discard(output: MapOutput): void {
  if (output.segments.kind === 'disk') rmSync(output.segments.path, { force: true });
}
