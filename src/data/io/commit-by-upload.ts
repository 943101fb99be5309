import { MillraceError } from '../../base/errors.ts';
import { type CommitProtocol, outputExists, outputIsFile } from './commit-by-rename.ts';
import type { FileSystem, UploadStore } from './file-system.ts';
import { isHidden } from './glob.ts';
import type { OutputSpec, OutputStaging, StagedPart } from './output-spec.ts';
import { type ProcessOwner, thisProcess } from './process-owner.ts';
import {
  isDead,
  isHiddenBy,
  lockName,
  markerUri,
  nameMark,
  readJson,
  readMarkers,
  successOf,
  type UploadMarker,
  writeMarker,
} from './upload-markers.ts';
import { describeUri, joinUri, parentOf } from './uri.ts';

const lockTimeoutMs = 60_000;
const pollMs = 50;

/**
 * For stores that cannot rename: attempts leave uploads that nobody sees, the commit completes them, and one small object,
 * the marker (see upload-markers.ts), decides whether readers see the new files or the old ones.
 */
export class UploadCommit implements CommitProtocol {
  readonly #output: OutputSpec;
  readonly #actionId: string;
  readonly #system: FileSystem;
  readonly #uploads: UploadStore;
  readonly #startedMs: number = Date.now();
  #isCommitted = false;

  constructor(output: OutputSpec, actionId: string, system: FileSystem, uploads: UploadStore) {
    this.#output = output;
    this.#actionId = actionId;
    this.#system = system;
    this.#uploads = uploads;
  }

  begin(): OutputStaging {
    this.#refuseExisting(this.#existing());
    this.#locked(() => {
      for (const marker of readMarkers(this.#output.uri, this.#system))
        if (isDead(marker.owner, marker.startedMs)) this.#settle(marker);
      this.#refuseExisting(this.#existing());
      this.#mark('writing', []);
    });
    return { output: this.#output, actionId: this.#actionId };
  }

  commit(parts: readonly StagedPart[]): void {
    const { uri, mode } = this.#output;
    const files = parts.flatMap((part) => part.files);
    this.#locked(() => {
      const existing = this.#existing();
      this.#refuseExisting(existing);
      this.#mark('completing', []);
      this.#uploads.complete(files.flatMap(({ upload }) => upload ?? []));
      const success = Buffer.from(`${JSON.stringify({ actionId: this.#actionId })}\n`);
      // Also without the lock, which not every store honours, only one of two first writers gets past this.
      if (mode === 'error' && !this.#uploads.putIfAbsent(joinUri(uri, '_SUCCESS'), success)) throw outputExists(uri);
      const written = new Set(files.map(({ path }) => parentOf(joinUri(uri, path))));
      const replaces = existing.filter(
        (file) => mode === 'overwrite' || (mode === 'overwritePartitions' && written.has(parentOf(file))),
      );
      const marker = this.#mark('committed', replaces);
      this.#isCommitted = true;
      this.#settle(marker);
    });
  }

  abort(): void {
    if (!this.#isCommitted) this.#settle(this.#marker('writing', []));
  }

  /** Brings an action to its end: what was committed is cleared up, what was not disappears. */
  #settle({ actionId, phase, replaces }: UploadMarker): void {
    const { uri } = this.#output;
    const success = joinUri(uri, '_SUCCESS');
    if (phase === 'committed') {
      for (const file of replaces) this.#system.delete(file);
      const file = this.#system.openWrite(success);
      file.write(Buffer.from(`${JSON.stringify({ actionId })}\n`));
      file.finish();
    } else {
      this.#uploads.abortMatching(uri, nameMark(actionId));
      for (const file of this.#system.listRecursive(uri))
        if (file.uri.includes(nameMark(actionId))) this.#system.delete(file.uri);
      if (successOf(uri, this.#system) === actionId) this.#system.delete(success);
    }
    this.#system.delete(markerUri(uri, actionId));
  }

  /** The files that readers see now. */
  #existing(): readonly string[] {
    const { uri } = this.#output;
    if (this.#system.stat(uri)?.kind === 'file') throw outputIsFile(uri);
    const markers = readMarkers(uri, this.#system);
    return this.#system
      .listRecursive(uri)
      .map((file) => file.uri)
      .filter(
        (file) =>
          !file
            .slice(uri.length + 1)
            .split('/')
            .some(isHidden) && !isHiddenBy(markers, file),
      );
  }

  #refuseExisting(existing: readonly string[]): void {
    const { uri, mode } = this.#output;
    if (mode === 'error' && existing.length > 0) throw outputExists(uri);
  }

  #mark(phase: UploadMarker['phase'], replaces: readonly string[]): UploadMarker {
    const marker = this.#marker(phase, replaces);
    writeMarker(this.#output.uri, marker, this.#system);
    return marker;
  }

  #marker(phase: UploadMarker['phase'], replaces: readonly string[]): UploadMarker {
    return { actionId: this.#actionId, phase, owner: thisProcess(), startedMs: this.#startedMs, replaces };
  }

  /** Runs `body` while no other process begins or commits on this output. The lock of a process that died is taken away. */
  #locked(body: () => void): void {
    const { uri } = this.#output;
    const lock = markerUri(uri, lockName);
    const giveUpAt = Date.now() + lockTimeoutMs;
    const content = Buffer.from(JSON.stringify({ ...thisProcess(), startedMs: Date.now() }));
    while (!this.#uploads.putIfAbsent(lock, content)) {
      const entry = this.#system.stat(lock);
      const holder =
        entry?.kind === 'file' ? readJson<ProcessOwner & { startedMs: number }>(entry.status, this.#system) : undefined;
      if (holder !== undefined && isDead(holder, holder.startedMs)) this.#system.delete(lock);
      else if (Date.now() > giveUpAt)
        throw new MillraceError(
          'MR_IO',
          `${describeUri(uri)}: another process has been committing to it for ${lockTimeoutMs / 1000} s. Delete ${describeUri(lock)} if no such process runs.`,
        );
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
    }
    try {
      body();
    } finally {
      this.#system.delete(lock);
    }
  }
}
