import { rmSync } from 'node:fs';
import type { MapOutput } from '../protocol/block.ts';

interface Shuffle {
  readonly outputs: (MapOutput | undefined)[];
  readonly missing: Set<number>;
  /** The outputs there are, as they were last asked for. */
  present: readonly MapOutput[] | undefined;
}

/** Driver side: where the output of every map task of every shuffle lies, and how much shared memory that takes. */
export class MapOutputTracker {
  readonly #shuffles = new Map<number, Shuffle>();
  #memoryBytes = 0;

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** @param numMaps partitions of the map side; keeps what is registered already */
  open(shuffleId: number, numMaps: number): void {
    if (this.#shuffles.has(shuffleId)) return;
    const outputs = new Array<MapOutput | undefined>(numMaps).fill(undefined);
    this.#shuffles.set(shuffleId, { outputs, missing: new Set(outputs.keys()), present: undefined });
  }

  register(shuffleId: number, output: MapOutput): void {
    this.unregister(shuffleId, output.mapPartition);
    const shuffle = this.#shuffles.get(shuffleId);
    if (shuffle === undefined) {
      discardOutput(output);
      return;
    }
    shuffle.outputs[output.mapPartition] = output;
    shuffle.missing.delete(output.mapPartition);
    shuffle.present = undefined;
    if (output.segments.kind === 'memory') this.#memoryBytes += output.sizeBytes;
  }

  unregister(shuffleId: number, mapPartition: number): void {
    const shuffle = this.#shuffles.get(shuffleId);
    const output = shuffle?.outputs[mapPartition];
    if (shuffle === undefined || output === undefined) return;
    shuffle.outputs[mapPartition] = undefined;
    shuffle.missing.add(mapPartition);
    shuffle.present = undefined;
    if (output.segments.kind === 'memory') this.#memoryBytes -= output.sizeBytes;
    discardOutput(output);
  }

  /** The file that holds an output now. */
  pathOf(shuffleId: number, mapPartition: number): string | undefined {
    const segments = this.#shuffles.get(shuffleId)?.outputs[mapPartition]?.segments;
    return segments?.kind === 'disk' ? segments.path : undefined;
  }

  /** The outputs of a shuffle and the map partitions that are missing; undefined for a shuffle that nobody has written. */
  outputs(
    shuffleId: number,
  ): { readonly outputs: readonly MapOutput[]; readonly missing: ReadonlySet<number> } | undefined {
    const shuffle = this.#shuffles.get(shuffleId);
    if (shuffle === undefined) return undefined;
    shuffle.present ??= shuffle.outputs.filter((output) => output !== undefined);
    return { outputs: shuffle.present, missing: shuffle.missing };
  }

  remove(shuffleId: number): void {
    for (const output of this.outputs(shuffleId)?.outputs ?? []) this.unregister(shuffleId, output.mapPartition);
    this.#shuffles.delete(shuffleId);
  }

  shuffleIds(): readonly number[] {
    return [...this.#shuffles.keys()];
  }
}

/** Frees what an output takes beside memory. */
export function discardOutput({ segments }: MapOutput): void {
  if (segments.kind === 'disk') rmSync(segments.path, { force: true });
}
