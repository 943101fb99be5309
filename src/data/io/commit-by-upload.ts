import { type CommitProtocol, outputExists, outputIsFile } from './commit-by-rename.ts';
import type { FileSystem, UploadStore } from './file-system.ts';
import { isHidden } from './glob.ts';
import type { OutputSpec, OutputStaging, StagedPart } from './output-spec.ts';
import { thisProcess } from './process-owner.ts';
import { isHiddenBy, markerUri, readMarkers, type UploadMarker, writeMarker } from './upload-markers.ts';
import { deadActions, settleAction, type UploadingSystem, withUploadLock } from './upload-recovery.ts';
import { joinUri, parentOf } from './uri.ts';
import { startPulse } from './writer-pulse.ts';

/**
 * For stores that cannot rename: attempts leave uploads that nobody sees, the commit completes them, and one small object,
 * the marker (see upload-markers.ts), decides whether readers see the new files or the old ones.
 */
export class UploadCommit implements CommitProtocol {
  readonly #output: OutputSpec;
  readonly #actionId: string;
  readonly #system: FileSystem;
  readonly #store: UploadingSystem;
  #endPulse = (): void => {};
  #isCommitted = false;

  constructor(output: OutputSpec, actionId: string, system: FileSystem, uploads: UploadStore) {
    this.#output = output;
    this.#actionId = actionId;
    this.#system = system;
    this.#store = { system, uploads };
  }

  begin(): OutputStaging {
    const { uri } = this.#output;
    this.#refuseExisting(this.#existing());
    withUploadLock(uri, this.#store, () => {
      for (const marker of deadActions(uri, this.#store)) settleAction(uri, marker, this.#store);
      this.#refuseExisting(this.#existing());
      this.#mark('writing', []);
    });
    this.#endPulse = startPulse(() => {
      // Whoever took this action for dead has removed its marker, and what it wrote.
      if (this.#system.stat(markerUri(uri, this.#actionId)) !== undefined) this.#mark('writing', []);
    });
    return { output: this.#output, actionId: this.#actionId };
  }

  commit(parts: readonly StagedPart[]): void {
    const { uri, mode } = this.#output;
    const files = parts.flatMap((part) => part.files);
    withUploadLock(uri, this.#store, () => {
      const existing = this.#existing();
      this.#refuseExisting(existing);
      this.#mark('completing', []);
      this.#store.uploads.complete(files.flatMap(({ upload }) => upload ?? []));
      const success = Buffer.from(`${JSON.stringify({ actionId: this.#actionId })}\n`);
      // Also without the lock, which not every store honours, only one of two first writers gets past this.
      if (mode === 'error' && !this.#store.uploads.putIfAbsent(joinUri(uri, '_SUCCESS'), success))
        throw outputExists(uri);
      const written = new Set(files.map(({ path }) => parentOf(joinUri(uri, path))));
      const replaces = existing.filter(
        (file) => mode === 'overwrite' || (mode === 'overwritePartitions' && written.has(parentOf(file))),
      );
      const marker = this.#mark('committed', replaces);
      this.#isCommitted = true;
      settleAction(uri, marker, this.#store);
    });
  }

  abort(): void {
    this.#endPulse();
    if (!this.#isCommitted) settleAction(this.#output.uri, this.#marker('writing', []), this.#store);
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
    return { actionId: this.#actionId, phase, owner: thisProcess(), signedMs: Date.now(), replaces };
  }
}
