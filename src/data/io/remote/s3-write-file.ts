import { MillraceError } from '../../../base/errors.ts';
import type { PendingFile, PendingUpload } from '../file-system.ts';
import type { IoBridge, IoTicket } from './io-bridge.ts';

/** S3 takes parts from 5 MiB on, and at most 10000 of them: after a thousand they grow, up to files of 5 TB. */
const firstPartBytes = 8 * 1024 * 1024;
const laterPartBytes = 128 * 1024 * 1024;
const maxUploading = 4;

/** Where an object goes. */
export interface S3Target {
  readonly uri: string;
  readonly bucket: string;
  readonly key: string;
}

/**
 * Writes one object: small ones in one request, larger ones in parts while they are written. With `isPending` nothing is
 * put in its place: `finish` leaves an upload that somebody completes or aborts.
 */
export class S3WriteFile implements PendingFile {
  readonly uri: string;
  readonly #target: S3Target;
  readonly #bridge: IoBridge;
  readonly #isPending: boolean;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024);
  #have = 0;
  #sizeBytes = 0;
  #uploadId: string | undefined;
  #uploading: { readonly part: number; readonly ticket: IoTicket<string> }[] = [];
  readonly #parts: { readonly PartNumber: number; readonly ETag: string }[] = [];
  #state: 'open' | 'finished' | 'aborted' = 'open';

  constructor(target: S3Target, bridge: IoBridge, isPending: boolean) {
    this.uri = target.uri;
    this.#target = target;
    this.#bridge = bridge;
    this.#isPending = isPending;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') throw new MillraceError('MR_BUG', `${this.uri} was written after it was closed.`);
    for (let at = 0; at < bytes.length; ) {
      const room = this.#room(bytes.length - at);
      const piece = bytes.subarray(at, at + room);
      this.#buffer.set(piece, this.#have);
      this.#have += piece.length;
      at += piece.length;
      if (this.#have === this.#partBytes()) this.#uploadPart();
    }
    this.#sizeBytes += bytes.length;
  }

  finish(): number {
    const { bucket, key } = this.#target;
    if (this.#uploadId === undefined && !this.#isPending) {
      this.#bridge.call({ op: 's3Put', bucket, key, bytes: this.#buffer.slice(0, this.#have), ifAbsent: false });
    } else {
      if (this.#have > 0) this.#uploadPart();
      while (this.#uploading.length > 0) this.#takeUploaded();
      if (!this.#isPending) this.#bridge.call({ op: 's3CompleteUploads', uploads: [this.pendingUpload()] });
    }
    this.#state = 'finished';
    return this.#sizeBytes;
  }

  pendingUpload(): PendingUpload {
    const { bucket, key } = this.#target;
    return { bucket, key, uploadId: this.#uploadId ?? '', parts: this.#parts };
  }

  abort(): void {
    if (this.#state === 'aborted') return;
    this.#state = 'aborted';
    for (const { ticket } of this.#uploading) ticket.forget();
    const { bucket, key } = this.#target;
    if (this.#uploadId !== undefined)
      this.#bridge.call({ op: 's3AbortUploads', uploads: [{ bucket, key, uploadId: this.#uploadId }] });
  }

  #partBytes(): number {
    return this.#parts.length + this.#uploading.length < 1000 ? firstPartBytes : laterPartBytes;
  }

  /** Free bytes of the buffer, which grows up to the size of a part. */
  #room(wanted: number): number {
    const limit = this.#partBytes();
    if (
      this.#have === this.#buffer.length ||
      (this.#have + wanted > this.#buffer.length && this.#buffer.length < limit)
    ) {
      const size = Math.min(limit, Math.max(this.#buffer.length * 2, this.#have + wanted));
      const larger = new Uint8Array(Math.max(size, this.#have));
      larger.set(this.#buffer.subarray(0, this.#have));
      this.#buffer = larger;
    }
    return Math.min(this.#buffer.length, limit) - this.#have;
  }

  #uploadPart(): void {
    const { bucket, key } = this.#target;
    this.#uploadId ??= this.#bridge.call({ op: 's3StartUpload', bucket, key });
    while (this.#uploading.length >= maxUploading) this.#takeUploaded();
    const part = this.#parts.length + this.#uploading.length + 1;
    const bytes = this.#buffer.slice(0, this.#have);
    this.#have = 0;
    const ticket = this.#bridge.start({ op: 's3UploadPart', bucket, key, uploadId: this.#uploadId, part, bytes });
    this.#uploading.push({ part, ticket });
  }

  #takeUploaded(): void {
    const first = this.#uploading.shift();
    if (first !== undefined) this.#parts.push({ PartNumber: first.part, ETag: first.ticket.wait() });
  }
}
