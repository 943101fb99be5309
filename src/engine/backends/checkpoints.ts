import { randomUUID } from 'node:crypto';
import type { CallSite } from '../../base/call-site.ts';
import { MillraceError } from '../../base/errors.ts';
import { describeUri, joinUri, toUri } from '../../data/io/uri.ts';
import type { NodeOf, RddNode } from '../../plan/lineage/node.ts';
import type { ActionCall, Backend } from './backend.ts';
import { saveOutput } from './save-output.ts';

export type CheckpointKind = 'reliable' | 'local';

interface Mark {
  readonly kind: CheckpointKind;
  readonly callSite: CallSite | undefined;
}

/** What checkpoints need of the backend; `run` makes no checkpoints of its own. */
export interface CheckpointSettings extends Pick<Backend, 'layout' | 'levelOf' | 'persist' | 'unpersist' | 'run'> {
  readonly fileSystems: () => Backend['fileSystems'];
  readonly nextId: () => number;
  readonly isCached: (node: RddNode, partition: number) => boolean;
  /** The second stands for the first from now on. */
  readonly replaced: (node: RddNode, by: RddNode) => void;
}

/**
 * RDDs marked to be checkpointed, and their checkpoints: made after the first action that reaches a marked RDD, as in Spark. A reliable
 * one is a folder of object files; a local one is the RDD's cached blocks, all of them, which must not get lost from then on.
 */
export class Checkpoints {
  readonly #settings: CheckpointSettings;
  readonly #marks = new WeakMap<RddNode, Mark>();
  readonly #files = new WeakMap<RddNode, string>();
  /** Whose checkpoints are being made now. */
  readonly #atWork = new WeakSet<RddNode>();
  #numMarked = 0;
  #folder: string | undefined;

  constructor(settings: CheckpointSettings) {
    this.#settings = settings;
  }

  /** The folder of this context's reliable checkpoints, a new one below the folder that was set. */
  get folder(): string | undefined {
    return this.#folder === undefined ? undefined : describeUri(this.#folder);
  }

  setFolder(path: string): void {
    this.#folder = joinUri(toUri(path), randomUUID());
  }

  mark(node: RddNode, kind: CheckpointKind, callSite: CallSite | undefined): void {
    const { layout, levelOf, persist, unpersist } = this.#settings;
    if (kind === 'reliable' && this.#folder === undefined)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        'checkpoint: no checkpoint folder is set. Call sc.setCheckpointDir first, or use localCheckpoint.',
      );
    if (layout.checkpointOf(node) !== undefined || this.#atWork.has(node)) return;
    if (kind === 'local') {
      if (levelOf(node) === 'MEMORY_ONLY') unpersist(node);
      if (levelOf(node) === 'NONE') persist(node, 'MEMORY_AND_DISK');
    }
    if (!this.#marks.has(node)) this.#numMarked++;
    this.#marks.set(node, { kind, callSite });
  }

  fileOf(node: RddNode): string | undefined {
    return this.#files.get(node);
  }

  /** After an action has succeeded: makes the checkpoints that are due. */
  async afterAction(call: ActionCall): Promise<void> {
    if (this.#numMarked === 0) return;
    for (const node of this.#markedBelow(call.node)) {
      const mark = this.#marks.get(node);
      if (mark === undefined) continue;
      this.#marks.delete(node);
      this.#atWork.add(node);
      try {
        const isMade = await (mark.kind === 'reliable' ? this.#write(node, mark, call) : this.#keep(node, mark, call));
        if (isMade) this.#numMarked--;
        else this.#marks.set(node, mark);
      } catch (error) {
        this.#marks.set(node, mark);
        throw error;
      } finally {
        this.#atWork.delete(node);
      }
    }
  }

  /** The nearest marked RDDs: what is below one is not needed once that one has its checkpoint. */
  #markedBelow(root: RddNode): readonly RddNode[] {
    const found: RddNode[] = [];
    const seen = new Set<RddNode>();
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      if (this.#marks.has(node)) found.push(node);
      else for (const { parent } of this.#settings.layout.dependencies(node)) stack.push(parent);
    }
    return found;
  }

  #cut(node: RddNode, checkpoint: RddNode): RddNode {
    const left = this.#settings.layout.cut(node, checkpoint);
    this.#settings.replaced(node, left);
    return left;
  }

  async #write(node: RddNode, { callSite }: Mark, { signal, pool, group }: ActionCall): Promise<boolean> {
    const { layout, fileSystems, run, nextId } = this.#settings;
    const named = { id: nextId(), operator: 'checkpoint', callSite };
    if (layout.numPartitions(node) === 0) {
      this.#cut(node, Object.freeze({ ...named, kind: 'parallelized', rows: [], numPartitions: 0 }));
      return true;
    }
    const uri = joinUri(this.#folder ?? '', `rdd-${node.id}`);
    const call = { name: 'checkpoint', node, callSite, signal, pool, group };
    await saveOutput({ run, fileSystems: fileSystems() }, call, { format: 'object', uri, mode: 'error', options: {} });
    const source: NodeOf<'source'>['source'] = { format: 'object', paths: [uri], options: {} };
    const left = this.#cut(node, Object.freeze({ ...named, kind: 'source', source, minPartitions: 1 }));
    this.#files.set(node, describeUri(uri));
    this.#files.set(left, describeUri(uri));
    return true;
  }

  /** @returns false if a block got lost in the meantime: the next action tries again */
  async #keep(node: RddNode, { callSite }: Mark, { signal, pool, group }: ActionCall): Promise<boolean> {
    const { layout, levelOf, persist, isCached, run, nextId } = this.#settings;
    if (levelOf(node) === 'NONE') persist(node, 'MEMORY_AND_DISK');
    const numPartitions = layout.numPartitions(node);
    const missing = (): number[] =>
      Array.from({ length: numPartitions }, (_, index) => index).filter((at) => !isCached(node, at));
    const partitions = missing();
    if (partitions.length > 0) {
      const plan = (): { readonly kind: 'drain' } => ({ kind: 'drain' });
      const call = { name: 'localCheckpoint', node, callSite, signal, pool, group, partitions, plan };
      await run({ ...call, onValue: () => undefined });
    }
    if (missing().length > 0) return false;
    const named = { operator: 'localCheckpoint', callSite };
    const empty: RddNode = Object.freeze({ ...named, kind: 'parallelized', id: nextId(), rows: [], numPartitions });
    const fn = { ...named, fn: refuseLostBlock, captured: undefined };
    this.#cut(
      node,
      Object.freeze({
        ...named,
        kind: 'narrow',
        id: nextId(),
        parent: empty,
        step: { op: 'mapPartitions' as const, fn, indexFirst: false },
        preservesPartitioning: false,
      }),
    );
    return true;
  }
}

/** What a block of a local checkpoint is computed from once it is lost. */
function refuseLostBlock(): never {
  throw new Error(
    'a block of a local checkpoint is gone (by unpersist, or a lost file) and its lineage was cut. Use checkpoint() for what must survive that.',
  );
}
