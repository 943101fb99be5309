import type { ErrorCode } from '../../../base/errors.ts';
import type { PendingUpload } from '../file-system.ts';

/** Settings of the S3 client. Without credentials the SDK's chain finds them: environment, shared files, roles. */
export interface S3Settings {
  /** For stores other than AWS: `http://127.0.0.1:9000`. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Most stores other than AWS need it: the bucket in the path instead of the host name. */
  readonly forcePathStyle?: boolean | undefined;
  readonly credentials?:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string | undefined }
    | undefined;
  /** How long a request or a body may stand still, default 20 s; then it is tried again. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether the store honours If-None-Match, default true; one that does not is refused when an output is written. false: what must be
   * put only once is looked for first, which keeps two writers of one output apart unless they meet within milliseconds.
   */
  readonly conditionalWrites?: boolean | undefined;
}

export interface RemoteStatus {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly version?: string;
}

export interface RemoteListing {
  readonly files: readonly { readonly key: string; readonly status: RemoteStatus }[];
  /** What lies between the prefix and the next slash, slash included. */
  readonly prefixes: readonly string[];
}

/** What the I/O thread does for the thread that waits. Bytes `from` to `to` (not included). */
export type IoRequest =
  | { readonly op: 's3Head'; readonly bucket: string; readonly key: string }
  | {
      readonly op: 's3List';
      readonly bucket: string;
      readonly prefix: string;
      readonly isRecursive: boolean;
      readonly maxKeys?: number;
    }
  | {
      readonly op: 's3Get';
      readonly bucket: string;
      readonly key: string;
      readonly from: number;
      readonly to: number;
      readonly version?: string | undefined;
    }
  | {
      readonly op: 's3Put';
      readonly bucket: string;
      readonly key: string;
      readonly bytes: Uint8Array;
      readonly ifAbsent: boolean;
    }
  | {
      readonly op: 's3Copy';
      readonly bucket: string;
      readonly from: string;
      readonly toBucket: string;
      readonly to: string;
    }
  | { readonly op: 's3Delete'; readonly bucket: string; readonly keys: readonly string[] }
  | { readonly op: 's3StartUpload'; readonly bucket: string; readonly key: string }
  | {
      readonly op: 's3UploadPart';
      readonly bucket: string;
      readonly key: string;
      readonly uploadId: string;
      readonly part: number;
      readonly bytes: Uint8Array;
    }
  | { readonly op: 's3CompleteUploads'; readonly uploads: readonly PendingUpload[] }
  | {
      readonly op: 's3AbortUploads';
      readonly uploads: readonly { readonly bucket: string; readonly key: string; readonly uploadId: string }[];
    }
  | { readonly op: 's3ListUploads'; readonly bucket: string; readonly prefix: string }
  | { readonly op: 'httpHead'; readonly url: string }
  | {
      readonly op: 'httpGet';
      readonly url: string;
      readonly from: number;
      readonly to: number;
      readonly version?: string | undefined;
    };

/** What each operation answers. */
export interface IoResults {
  s3Head: RemoteStatus | undefined;
  s3List: RemoteListing;
  s3Get: Uint8Array;
  s3Put: 'written' | 'exists' | 'unsupported';
  s3Copy: undefined;
  s3Delete: undefined;
  s3StartUpload: string;
  s3UploadPart: string;
  s3CompleteUploads: undefined;
  s3AbortUploads: undefined;
  s3ListUploads: readonly { readonly bucket: string; readonly key: string; readonly uploadId: string }[];
  httpHead: RemoteStatus | undefined;
  httpGet: Uint8Array;
}

export type IoResult<R extends IoRequest> = IoResults[R['op']];

/** An error without anything that could hold a secret: no request, no headers. */
export interface IoFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause?: string;
}

export type IoReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: IoFailure };

export interface IoThreadData {
  readonly port: import('node:worker_threads').MessagePort;
  /** One Int32: the number of replies so far; waited on by the other side. */
  readonly signal: SharedArrayBuffer;
  readonly s3: S3Settings;
}
