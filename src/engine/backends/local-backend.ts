import { formatCallSite } from '../../base/call-site.ts';
import { Emitter } from '../../base/emitter.ts';
import { MillraceError } from '../../base/errors.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import { type FileSystemSettings, openFileSystems } from '../../data/io/remote/open-file-systems.ts';
import { UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import { LineageLayout } from '../../plan/lineage/layout.ts';
import type { RddNode } from '../../plan/lineage/node.ts';
import type { CustomPartitioner } from '../../plan/lineage/partitioner.ts';
import type { StorageLevelName } from '../../plan/lineage/storage-level.ts';
import { debugString, type ExplainSettings, explain } from '../../plan/stages/explain.ts';
import type { EngineEvent } from '../protocol/events.ts';
import type { BroadcastReference, ExecutorSettings, ReleasedBroadcasts } from '../protocol/task.ts';
import { DagScheduler } from '../scheduler/dag-scheduler.ts';
import type { SpeculationSettings } from '../scheduler/speculation.ts';
import { DEFAULT_POOL, type PoolSettings, poolSettings, type SchedulingMode } from '../scheduler/task-queue.ts';
import { WorkerPool } from '../scheduler/worker-pool.ts';
import { MapOutputTracker } from '../shuffle/map-output-tracker.ts';
import { partitionFunction } from '../shuffle/partition-function.ts';
import { BlockStore } from '../storage/block-store.ts';
import { ActionGroups } from './action-groups.ts';
import { actionScope } from './action-scope.ts';
import type { ActionCall, Backend } from './backend.ts';
import { Checkpoints } from './checkpoints.ts';
import { explainReads } from './explain-reads.ts';
import { MemoryReclaimer } from './memory-reclaimer.ts';
import { ParallelizedBlocks } from './parallelized-blocks.ts';
import { RangeBounds } from './range-bounds.ts';
import { RowCounts } from './row-counts.ts';
import { SourcePlans } from './source-plans.ts';
import { planAction, type StagePlannerSettings } from './stage-planner.ts';
import { TempFolder } from './temp-folder.ts';

export interface LocalBackendOptions {
  readonly workers: number;
  readonly memoryBytes: number;
  readonly tempDir: string;
  readonly maxTaskFailures: number;
  readonly workerHeapMb: number | undefined;
  readonly scheduling: SchedulingMode;
  readonly pools: Readonly<Record<string, Partial<PoolSettings>>>;
  readonly speculation: SpeculationSettings | undefined;
  /** How remote stores are reached; may hold credentials. */
  readonly stores: FileSystemSettings;
  readonly onListenerError: (error: unknown) => void;
  readonly accumulate: (id: number, value: unknown) => void;
}

/** Share of the memory for blocks and shuffle output; the rest is working memory of tasks. */
const STORAGE_SHARE = 0.6;
/** Share of the storage that is exceeded for a moment at most, when new blocks come before older ones are evicted. */
const BLOCK_SHARE = 0.25;
/** Released broadcasts that are told to workers by their ids; one that has missed more drops all it has. */
const KEPT_RELEASES = 32;

/** The engine in this process: worker threads, shared memory, temporary files. */
export class LocalBackend implements Backend {
  readonly events: Emitter<EngineEvent>;
  readonly layout: LineageLayout;
  readonly blocks: BlockStore;
  readonly outputs: MapOutputTracker;
  readonly pool: WorkerPool;
  readonly groups: ActionGroups = new ActionGroups();
  readonly checkpoints: Checkpoints;
  readonly #options: LocalBackendOptions;
  readonly #temp: TempFolder;
  readonly #scheduler: DagScheduler;
  readonly #bounds = new RangeBounds();
  readonly #rowCounts = new RowCounts();
  readonly #sources = new SourcePlans(() => this.fileSystems);
  readonly #parallelized = new ParallelizedBlocks();
  readonly #names = new WeakMap<RddNode, string>();
  readonly #watched = new WeakSet<RddNode>();
  readonly #collected: FinalizationRegistry<readonly number[]>;
  #fileSystems: FileSystems | undefined;
  #captured: BroadcastReference[] | undefined;
  readonly #reclaimer: MemoryReclaimer;
  #nextId = 1;
  #released: ReleasedBroadcasts = { count: 0, latest: [] };
  #isStopped = false;

  constructor(options: LocalBackendOptions) {
    this.#options = options;
    this.events = new Emitter(options.onListenerError);
    this.#temp = new TempFolder(options.tempDir);
    this.layout = new LineageLayout((node) => this.#sources.of(node).splits.length);
    this.outputs = new MapOutputTracker();
    this.blocks = new BlockStore({
      tempDir: this.#temp.path,
      availableBytes: () => this.#freeStorage(),
      onWriteFailed: (rddId, partition, error) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.events.emit({ kind: 'blockLost', rddId, partition, reason, at: Date.now() });
      },
    });
    this.pool = new WorkerPool(options);
    this.#scheduler = new DagScheduler({
      workers: options.workers,
      maxTaskFailures: options.maxTaskFailures,
      pool: this.pool,
      outputs: this.outputs,
      blocks: this.blocks,
      pools: (name) => poolSettings(name, options),
      speculation: options.speculation,
      removeFiles: (batchId) => this.#temp.removeMatching(`-b${batchId}-`),
      executorSettings: () => this.#executorSettings(),
      emit: (event) => this.events.emit(event),
      accumulate: (updates) => {
        for (const [id, value] of updates) addUp(options, id, value);
      },
    });
    this.checkpoints = new Checkpoints({
      layout: this.layout,
      fileSystems: () => this.fileSystems,
      nextId: () => this.nextId(),
      levelOf: (node) => this.levelOf(node),
      persist: (node, level) => this.persist(node, level),
      unpersist: (node) => this.unpersist(node),
      isCached: (node, partition) => this.blocks.has(node.id, partition),
      replaced: (node, by) => this.#replaced(node, by),
      run: (call) => this.#run(call),
    });
    this.#reclaimer = new MemoryReclaimer(options.memoryBytes * STORAGE_SHARE);
    this.#collected = new FinalizationRegistry((ids) => {
      for (const id of ids) this.#forget(id);
    });
  }

  get tempPath(): string {
    return this.#temp.path;
  }

  nextId(): number {
    return this.#nextId++;
  }

  get fileSystems(): FileSystems {
    this.#fileSystems ??= openFileSystems(this.#options.stores);
    return this.#fileSystems;
  }

  async run(call: ActionCall): Promise<void> {
    await this.#run(call);
    await this.checkpoints.afterAction(call);
  }

  async #run(call: ActionCall): Promise<void> {
    this.#checkRunning(call.name);
    checkSignal(call);
    this.#reclaimer.beforeAction(this.blocks.memoryBytes + this.outputs.memoryBytes);
    const actionId = this.nextId();
    const startedAt = Date.now();
    const { stages, result } = planAction(call, this.#plannerSettings());
    this.#watchLineage(call.node);
    const action = call.name;
    const group = call.group ?? this.groups.current;
    const scope = actionScope();
    const signals = [call.signal, scope?.signal].filter((signal) => signal !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    const pool = call.pool ?? scope?.pool ?? DEFAULT_POOL;
    scope?.onAction(actionId);
    this.events.emit({
      kind: 'actionStarted',
      actionId,
      action,
      callSite: formatCallSite(call.callSite),
      group,
      description: this.groups.description,
      stages: stages.length,
      at: startedAt,
    });
    this.groups.started(actionId, group);
    let status: 'succeeded' | 'failed' | 'cancelled' = 'failed';
    try {
      await this.#scheduler.run({ actionId, pool, stages, result, signal });
      status = 'succeeded';
      for (const { node, added, removed } of this.#sources.takeChanges()) {
        const source = `${node.operator} at ${formatCallSite(node.callSite)}`;
        this.events.emit({ kind: 'inputChanged', actionId, source, added, removed, at: Date.now() });
      }
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'MR_ABORTED') status = 'cancelled';
      throw error;
    } finally {
      const at = Date.now();
      this.groups.ended(actionId);
      this.events.emit({ kind: 'actionEnded', actionId, action, status, durationMs: at - startedAt, at });
    }
  }

  partitionOfKey(node: RddNode, key: unknown): number | undefined {
    const partitioner = this.layout.partitioner(node);
    if (partitioner?.kind === 'custom') return partitionByFunction(partitioner, key);
    if (partitioner?.kind === 'hash') return partitionFunction(partitioner, [], 0)(key);
    if (partitioner?.kind !== 'range') return undefined;
    const bounds = this.#bounds.of(partitioner);
    return bounds === undefined ? undefined : partitionFunction({ ...partitioner, bounds }, [], 0)(key);
  }

  persist(node: RddNode, level: StorageLevelName): void {
    const known = this.blocks.level(node.id);
    if (known !== 'NONE' && known !== level)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `persist: this RDD is kept at ${known} already. Call unpersist() before giving it the level ${level}.`,
      );
    if (level === 'NONE') return;
    this.blocks.persist(node.id, level);
    this.#collected.register(node, [node.id], node);
  }

  unpersist(node: RddNode): void {
    this.blocks.unpersist(node.id);
  }

  levelOf(node: RddNode): StorageLevelName {
    return this.blocks.level(node.id);
  }

  nameOf(node: RddNode): string | undefined {
    return this.#names.get(node);
  }

  setName(node: RddNode, name: string): void {
    this.#names.set(node, name);
  }

  explain(node: RddNode): string {
    return explain(node, this.#explainSettings());
  }

  debugString(node: RddNode): string {
    return debugString(node, this.layout, (at) => this.levelOf(at));
  }

  /** Called by a broadcast when a closure that names it is captured. */
  noteBroadcast(reference: BroadcastReference): void {
    if (this.#captured?.every(({ id }) => id !== reference.id)) this.#captured.push(reference);
  }

  /** Runs `capture` and tells which broadcasts were captured, those that others need first. */
  collectBroadcasts<T>(capture: () => T): { readonly result: T; readonly broadcasts: readonly BroadcastReference[] } {
    const broadcasts: BroadcastReference[] = [];
    this.#captured = broadcasts;
    try {
      return { result: capture(), broadcasts };
    } finally {
      this.#captured = undefined;
    }
  }

  /** Workers drop their copies of a broadcast before the next tasks they run. */
  releaseBroadcast(id: number): void {
    const { count, latest } = this.#released;
    this.#released = { count: count + 1, latest: [...latest.slice(1 - KEPT_RELEASES), id] };
  }

  cancelAll(why: unknown): void {
    this.#scheduler.cancelAll(why);
  }

  cancelGroup(id: string): void {
    const why = new MillraceError('MR_ABORTED', `The action was cancelled with its job group ${JSON.stringify(id)}`);
    for (const actionId of this.groups.runningIn(id)) this.#scheduler.cancel(actionId, why);
  }

  /** Ends running actions with MR_CONTEXT_STOPPED, all threads, and removes every temporary file. May be called twice. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#scheduler.cancelAll(new MillraceError('MR_CONTEXT_STOPPED', 'The context was stopped while the action ran'));
    this.#scheduler.close();
    await this.pool.close();
    this.#fileSystems?.close();
    this.#temp.remove();
  }

  #checkRunning(action: string): void {
    if (this.#isStopped)
      throw new MillraceError('MR_CONTEXT_STOPPED', `${action}: the context was stopped. Create a new one.`);
  }

  #freeStorage(): number {
    return this.#options.memoryBytes * STORAGE_SHARE - this.blocks.memoryBytes - this.outputs.memoryBytes;
  }

  #executorSettings(): ExecutorSettings {
    const { memoryBytes, workers, stores } = this.#options;
    const outputBytes = Math.max(0, this.#freeStorage() / workers);
    return {
      stores,
      tempDir: this.#temp.path,
      released: this.#released,
      reclaim: this.#reclaimer.generation(this.blocks.memoryBytes + this.outputs.memoryBytes),
      executionBytes: (memoryBytes * (1 - STORAGE_SHARE)) / workers,
      groupBytes: memoryBytes * (1 - STORAGE_SHARE),
      outputBytes,
      blockBytes: Math.max(outputBytes, (memoryBytes * STORAGE_SHARE * BLOCK_SHARE) / workers),
    };
  }

  #plannerSettings(): StagePlannerSettings {
    return {
      layout: this.layout,
      sources: this.#sources,
      parallelized: this.#parallelized,
      bounds: this.#bounds,
      rowCounts: this.#rowCounts,
      levelOf: (node) => this.levelOf(node),
      isMaterialized: (node) => this.#isMaterialized(node),
      isInUse: (stage) => this.#scheduler.isInUse(stage),
      nextKey: () => this.nextId(),
      collectBroadcasts: (capture) => this.collectBroadcasts(capture),
    };
  }

  #explainSettings(): ExplainSettings {
    return {
      layout: this.layout,
      isMaterialized: (node) => this.#isMaterialized(node),
      isInUse: () => false,
      hasBounds: (partitioner) => this.#bounds.of(partitioner) !== undefined,
      hasRowCounts: (node) => this.#rowCounts.has(node),
      levelOf: (node) => this.levelOf(node),
      cachedPartitions: (node) => this.blocks.numCached(node.id),
      nameOf: (node) => this.nameOf(node),
      readsOf: (node, steps) => explainReads(this.#sources.of(node), steps, this.fileSystems),
    };
  }

  #isMaterialized(node: RddNode): boolean {
    const cached = this.blocks.numCached(node.id);
    return cached > 0 && cached === this.layout.numPartitions(node);
  }

  /** Shuffle output and cached blocks live as long as the lineage that can ask for them. */
  #watchLineage(root: RddNode): void {
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.#watched.has(node)) continue;
      if (node.kind === 'shuffled') this.#watch(node, [node.shuffleId]);
      if (node.kind === 'cogrouped') this.#watch(node, node.shuffleIds);
      this.#watched.add(node);
      for (const { parent } of this.layout.dependencies(node)) stack.push(parent);
    }
  }

  /** What is kept under the number of `node` and its name live on with `by`. */
  #replaced(node: RddNode, by: RddNode): void {
    this.#collected.unregister(node);
    if (this.levelOf(by) !== 'NONE') this.#collected.register(by, [by.id], by);
    const name = this.nameOf(node);
    if (name !== undefined) this.setName(by, name);
  }

  #watch(node: RddNode, ids: readonly number[]): void {
    this.#collected.register(node, ids);
  }

  #forget(id: number): void {
    this.#scheduler.forgetShuffle(id, id);
    this.blocks.unpersist(id);
  }
}

/** Asks a user's partition function here, in the program. */
function partitionByFunction(partitioner: CustomPartitioner, key: unknown): number {
  try {
    return partitionFunction({ ...partitioner, fn: 0 }, [partitioner.partition], 0)(key);
  } catch (error) {
    if (!(error instanceof UserFunctionError)) throw error;
    throw new MillraceError(
      'MR_USER_FUNCTION',
      `the function of partitionBy threw for a key: ${String(error.thrown)}`,
      {
        cause: error.thrown,
      },
    );
  }
}

function addUp({ accumulate }: LocalBackendOptions, id: number, value: unknown): void {
  try {
    accumulate(id, value);
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new MillraceError('MR_USER_FUNCTION', `the function that merges accumulator ${id} threw ${said}`, {
      cause: error,
    });
  }
}

function checkSignal({ name, signal }: ActionCall): void {
  if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== 'function')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${name}: signal must be an AbortSignal, got ${String(signal)}. Give the \`signal\` of an AbortController.`,
    );
}
