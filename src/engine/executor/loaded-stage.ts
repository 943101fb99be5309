import { deserialize } from 'node:v8';
import type { ClosurePayload } from '../../base/closures/payload.ts';
import { type Boxes, rebuildClosures } from '../../base/closures/rebuild.ts';
import type { UserFunction } from '../../base/closures/user-function.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { FileSystems } from '../../data/io/file-systems.ts';
import type { FileSystemSettings } from '../../data/io/remote/open-file-systems.ts';
import type { RowUse, SourceSpec } from '../../data/io/source-spec.ts';
import type { Split } from '../../data/io/split.ts';
import { loadSplitReader, type SplitReader } from '../../data/io/split-reader.ts';
import type { FunctionIndex, LoopStep } from '../../plan/codegen/loop-step.ts';
import { generateStageLoop, type LoopSink, type StageLoop } from '../../plan/codegen/stage-loop.ts';
import type { SourceNode } from '../../plan/stages/source-use.ts';
import { childrenOf } from '../../plan/stages/task-inputs.ts';
import type { FunctionOrigin, TaskNode, TaskOutput } from '../../plan/stages/task-plan.ts';
import type { BroadcastReference, ReleasedBroadcasts, StagePayload, StageReference } from '../protocol/task.ts';
import type { AccumulatorUpdates } from './accumulator-updates.ts';
import type { TaskProcess } from './task-process.ts';

/** A stage as a worker holds it: the plan, the functions rebuilt, and which of them turned out to give promises. */
export interface LoadedStage {
  readonly plan: TaskNode;
  readonly output: TaskOutput;
  /** The values of the broadcasts that its functions name, by id. */
  readonly broadcasts: ReadonlyMap<number, unknown>;
  readonly functions: readonly UserFunction[];
  /**
   * The functions for one try of a task. Made anew where they could have changed what they captured: a task must not see what another
   * one, or a try that failed, left behind, or results would depend on which worker ran what.
   */
  functionsForTry(): Promise<readonly UserFunction[]>;
  readonly origins: readonly FunctionOrigin[];
  readonly asyncFunctions: Set<FunctionIndex>;
  splits(nodeId: number): readonly Split[];
  /** What becomes of the rows of a source of the plan. */
  useOf(source: TaskNode): RowUse | undefined;
  /** The stores of this worker. */
  readonly fileSystems: FileSystems;
  /** What reads the splits of a source of this format. */
  readerOf(format: SourceSpec['format']): SplitReader;
  /** The rows of an indexed RDD that lie in the partitions before this one. */
  rowsBefore(nodeId: number, partition: number): number;
}

/** Stages and broadcast values kept by one worker; the oldest go first. */
const KEPT_STAGES = 32;

/** How captured accumulators and broadcasts come back to life in a worker. */
export type AccumulatorData = {
  readonly id: number;
  readonly zero: unknown;
  /** What a value that is added becomes before it is merged; the value itself when undefined. */
  readonly stateOf: ((value: unknown) => unknown) | undefined;
  readonly merge: (a: unknown, b: unknown) => unknown;
};

export class StageLoader {
  readonly #stages = new Map<number, LoadedStage>();
  readonly #broadcasts = new Map<number, unknown>();
  readonly #updates: AccumulatorUpdates;
  readonly #process: TaskProcess;
  #released = 0;
  #fileSystems = new FileSystems();
  #isRemote = false;

  constructor(updates: AccumulatorUpdates, process: TaskProcess) {
    this.#updates = updates;
    this.#process = process;
  }

  async load(reference: StageReference, stores: FileSystemSettings): Promise<LoadedStage> {
    const known = this.#stages.get(reference.payloadId);
    if (known !== undefined) return known;
    for (const broadcast of reference.broadcasts) await this.#loadBroadcast(broadcast);
    // Of its own: what it names must outlast that others push it out of those kept.
    const broadcasts = new Map(reference.broadcasts.map(({ id }) => [id, this.#broadcasts.get(id)]));
    const revive = (kind: string, data: unknown): unknown => this.#revive(kind, data, broadcasts);
    const payload = deserialize(copyOf(reference.payload)) as StagePayload;
    const closures = withShared(payload.closures, reference.shared);
    const boxes: Boxes = new Map();
    const functions = await rebuildClosures(closures, revive, boxes);
    const splits = new Map(payload.splits);
    const readers = new Map<SourceSpec['format'], SplitReader>();
    const sources = sourcesIn(payload.plan);
    for (const { source } of sources)
      if (!readers.has(source.format)) readers.set(source.format, await loadSplitReader(source.format));
    const rowsBefore = new Map(payload.rowsBefore);
    const uses = await usesOf(sources, { ...payload, closures });
    if (needsRemoteStores(payload)) {
      const { openFileSystems } = await import('../../data/io/remote/open-file-systems.ts');
      this.#fileSystems = this.#isRemote ? this.#fileSystems : openFileSystems(stores);
      this.#isRemote = true;
    }
    const stage: LoadedStage = {
      broadcasts,
      fileSystems: this.#fileSystems,
      plan: payload.plan,
      output: payload.output,
      functions,
      functionsForTry: closures.keepsState
        ? () => rebuildClosures(closures, revive, boxes)
        : () => Promise.resolve(functions),
      origins: payload.origins,
      asyncFunctions: new Set(payload.closures.isAsync.flatMap((isAsync, index) => (isAsync ? [index] : []))),
      useOf: (source) => uses.get(source),
      splits: (nodeId) => defined(splits.get(nodeId), `splits of source ${nodeId}`),
      readerOf: (format) => defined(readers.get(format), `reader of ${format}`),
      rowsBefore: (nodeId, partition) => defined(rowsBefore.get(nodeId)?.[partition], `rows before ${partition}`),
    };
    this.#stages.set(reference.payloadId, stage);
    forgetOldest(this.#stages);
    forgetOldest(this.#broadcasts);
    return stage;
  }

  /** Lets go of broadcasts that the program has unpersisted or destroyed since the last time, and of stages that hold them. */
  release({ count, latest }: ReleasedBroadcasts): void {
    const missed = count - this.#released;
    this.#released = count;
    if (missed === 0) return;
    const ids = missed > latest.length ? [...this.#broadcasts.keys()] : latest.slice(-missed);
    for (const id of ids) this.#broadcasts.delete(id);
    for (const [payloadId, { broadcasts }] of this.#stages)
      if (ids.some((id) => broadcasts.has(id))) this.#stages.delete(payloadId);
  }

  async #loadBroadcast({ id, payload, shared }: BroadcastReference): Promise<void> {
    if (this.#broadcasts.has(id)) return;
    const closures = deserialize(copyOf(payload)) as ClosurePayload;
    const [thunk] = await rebuildClosures(withShared(closures, shared), (kind, data) =>
      this.#revive(kind, data, this.#broadcasts),
    );
    this.#broadcasts.set(id, (thunk as () => unknown)());
  }

  #revive(kind: string, data: unknown, broadcasts: ReadonlyMap<number, unknown>): unknown {
    switch (kind) {
      case 'broadcast': {
        const { id } = data as { readonly id: number };
        if (!broadcasts.has(id)) throw new MillraceError('MR_BUG', `broadcast ${id} did not reach the worker.`);
        return { id, value: broadcasts.get(id) };
      }
      case 'taskProcess':
        return this.#process;
      case 'accumulator': {
        const { id, zero, stateOf, merge } = data as AccumulatorData;
        return {
          id,
          add: (value: unknown): void =>
            this.#updates.add(id, stateOf === undefined ? value : stateOf(value), zero, merge),
          get value(): never {
            throw new MillraceError(
              'MR_OPTION_INVALID',
              'an accumulator can only be added to inside a task; read its value after the action.',
            );
          },
        };
      }
      default:
        throw new MillraceError('MR_BUG', `nothing revives a captured "${kind}".`);
    }
  }
}

/** A stage that is at work has what it needs; one that comes back is loaded again. */
function forgetOldest(kept: Map<number, unknown>): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_STAGES) return;
    kept.delete(oldest);
  }
}

/** Only a stage that reads or writes elsewhere than on disk makes a worker load what reaches there. */
function needsRemoteStores({ splits, output }: StagePayload): boolean {
  const isRemote = (uri: string): boolean => !uri.startsWith('file:');
  const reads = splits.some(([, ofSource]) => ofSource.some(({ uri }) => isRemote(uri)));
  return reads || (output.kind === 'save' && isRemote(output.staging.output.uri));
}

function sourcesIn(plan: TaskNode): readonly SourceNode[] {
  const sources: SourceNode[] = [];
  const stack = [plan];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.kind === 'source') sources.push(node);
    stack.push(...childrenOf(node));
  }
  return sources;
}

/**
 * Only formats with columns can leave some out, and only files below partition directories can be left out whole; the parser of
 * functions is not loaded for anything else.
 */
async function usesOf(sources: readonly SourceNode[], payload: StagePayload): Promise<ReadonlyMap<TaskNode, RowUse>> {
  const splits = new Map(payload.splits);
  const useful = sources.filter(
    ({ nodeId, source }) =>
      source.format === 'parquet' ||
      source.format === 'csv' ||
      splits.get(nodeId)?.some(({ partitionValues }) => partitionValues !== undefined),
  );
  if (useful.length === 0) return new Map();
  const { sourceUse } = await import('../../plan/stages/source-use.ts');
  return new Map(useful.map((source) => [source, sourceUse(source, payload)]));
}

/** A loop over the stage's functions. */
export function stageLoop(stage: LoadedStage, steps: readonly LoopStep[], sink: LoopSink): StageLoop {
  return generateStageLoop(steps, sink, stage.functions);
}

function withShared(closures: ClosurePayload, shared: readonly SharedArrayBuffer[]): ClosurePayload {
  return { ...closures, shared };
}

/** `v8.deserialize` wants memory that nobody else can change. */
function copyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(new Uint8Array(bytes));
}
