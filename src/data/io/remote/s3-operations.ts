import type { S3Client } from '@aws-sdk/client-s3';
import { timerMs } from '../../../base/timers.ts';
import type { PendingUpload } from '../file-system.ts';
import type { IoRequest, IoResults, RemoteListing, RemoteStatus, S3Settings } from './io-protocol.ts';
import { type BodyPart, fetchResuming } from './resuming-body.ts';

type Sdk = typeof import('@aws-sdk/client-s3');
type S3Request = Extract<IoRequest, { op: `s3${string}` }>;
type RequestOf<Op extends S3Request['op']> = Extract<S3Request, { readonly op: Op }>;

const maxAttempts = 6;
const defaultTimeoutMs = 20_000;
const maxSockets = 32;
/** DeleteObjects takes no more. */
const maxDeletes = 1000;

/**
 * The requests of the S3 protocol, in the I/O thread. Retries, with jitter and a budget, are the SDK's; its adaptive mode
 * slows all requests down when the store answers 503 SlowDown. The SDK is loaded at the first request.
 */
export class S3Operations {
  readonly #settings: S3Settings;
  #loaded: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined;

  constructor(settings: S3Settings) {
    this.#settings = settings;
  }

  async serve(request: S3Request): Promise<IoResults[S3Request['op']]> {
    this.#loaded ??= this.#load();
    const { sdk, client } = await this.#loaded;
    switch (request.op) {
      case 's3Head':
        return head(sdk, client, request);
      case 's3List':
        return list(sdk, client, request);
      case 's3Get':
        return this.#get(sdk, client, request);
      case 's3Put':
        return put(sdk, client, request);
      case 's3Copy':
        await client.send(
          new sdk.CopyObjectCommand({
            Bucket: request.toBucket,
            Key: request.to,
            CopySource: `${request.bucket}/${request.from.split('/').map(encodeURIComponent).join('/')}`,
          }),
        );
        return undefined;
      case 's3Delete':
        for (let at = 0; at < request.keys.length; at += maxDeletes)
          await deleteKeys(sdk, client, request.bucket, request.keys.slice(at, at + maxDeletes));
        return undefined;
      case 's3StartUpload': {
        const { UploadId = '' } = await client.send(
          new sdk.CreateMultipartUploadCommand({ Bucket: request.bucket, Key: request.key }),
        );
        return UploadId;
      }
      case 's3UploadPart': {
        const { bucket: Bucket, key: Key, uploadId: UploadId, part: PartNumber, bytes: Body } = request;
        const { ETag = '' } = await client.send(new sdk.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
        return ETag;
      }
      case 's3CompleteUploads':
        await forEachBounded(request.uploads, (upload) => complete(sdk, client, upload));
        return undefined;
      case 's3AbortUploads':
        await forEachBounded(request.uploads, (upload) => abort(sdk, client, upload));
        return undefined;
      case 's3ListUploads':
        return listUploads(sdk, client, request);
    }
  }

  async #load(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const { endpoint, region, forcePathStyle, credentials, timeoutMs = defaultTimeoutMs } = this.#settings;
    const client = new sdk.S3Client({
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? (endpoint === undefined ? {} : { region: 'us-east-1' }) : { region }),
      ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
      ...(credentials === undefined ? {} : { credentials: credentialsOf(credentials) }),
      maxAttempts,
      retryMode: 'adaptive',
      // Other stores refuse or do not know the checksums that are the default for AWS; bodies have their length and etag.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: timerMs(timeoutMs),
        requestTimeout: timerMs(timeoutMs),
        httpAgent: { keepAlive: true, maxSockets },
        httpsAgent: { keepAlive: true, maxSockets },
      },
    });
    return { sdk, client };
  }

  #get(sdk: Sdk, client: S3Client, { bucket, key, from, to, version }: RequestOf<'s3Get'>): Promise<Uint8Array> {
    const { timeoutMs = defaultTimeoutMs } = this.#settings;
    return fetchResuming(from, to, timeoutMs, async (position): Promise<BodyPart> => {
      const { Body } = await client.send(
        new sdk.GetObjectCommand({
          Bucket: bucket,
          Key: key,
          Range: `bytes=${position}-${to - 1}`,
          ...(version === undefined ? {} : { IfMatch: version }),
        }),
      );
      return { body: Body as AsyncIterable<Uint8Array>, startsAt: position };
    });
  }
}

/** A few at a time, so that thousands neither wait for sockets until they time out nor all meet a store that is busy. */
async function forEachBounded<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await run(item);
  };
  await Promise.all(Array.from({ length: maxSockets / 2 }, worker));
}

async function head(
  sdk: Sdk,
  client: S3Client,
  { bucket, key }: RequestOf<'s3Head'>,
): Promise<RemoteStatus | undefined> {
  try {
    const found = await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }));
    return statusOf(found.ContentLength, found.LastModified, found.ETag);
  } catch (error) {
    if (error instanceof sdk.NotFound || (error as { name?: string }).name === 'NotFound') return undefined;
    throw error;
  }
}

async function list(sdk: Sdk, client: S3Client, request: RequestOf<'s3List'>): Promise<RemoteListing> {
  const { bucket, prefix, isRecursive, maxKeys } = request;
  const files: { key: string; status: RemoteStatus }[] = [];
  const prefixes: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...(isRecursive ? {} : { Delimiter: '/' }),
        ...(maxKeys === undefined ? {} : { MaxKeys: maxKeys }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    for (const { Key, Size, LastModified, ETag } of page.Contents ?? [])
      if (Key !== undefined) files.push({ key: Key, status: statusOf(Size, LastModified, ETag) });
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) prefixes.push(Prefix);
    token = maxKeys === undefined ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  return { files, prefixes };
}

async function put(sdk: Sdk, client: S3Client, request: RequestOf<'s3Put'>): Promise<IoResults['s3Put']> {
  const { bucket, key, bytes, ifAbsent } = request;
  try {
    await client.send(
      new sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ...(ifAbsent ? { IfNoneMatch: '*' } : {}) }),
    );
    return 'written';
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (ifAbsent && (status === 412 || status === 409)) return 'exists';
    if (ifAbsent && status === 501) return 'unsupported';
    throw error;
  }
}

async function deleteKeys(sdk: Sdk, client: S3Client, bucket: string, keys: readonly string[]): Promise<void> {
  const { Errors = [] } = await client.send(
    new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true } }),
  );
  const [first] = Errors;
  if (first !== undefined) throw new Error(`${first.Key}: ${first.Message ?? first.Code}`);
}

/** An answer may get lost after the store has completed the upload; then the upload is gone and the object is there. */
async function complete(sdk: Sdk, client: S3Client, { bucket, key, uploadId, parts }: PendingUpload): Promise<void> {
  if (parts.length === 0) {
    await put(sdk, client, { op: 's3Put', bucket, key, bytes: new Uint8Array(0), ifAbsent: false });
    return;
  }
  try {
    await client.send(
      new sdk.CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: uploadId,
        MultipartUpload: { Parts: [...parts] },
      }),
    );
  } catch (error) {
    const isGone = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404;
    if (!isGone || (await head(sdk, client, { op: 's3Head', bucket, key })) === undefined) throw error;
  }
}

/** An upload that is gone already, completed or aborted, is as good as aborted. */
async function abort(
  sdk: Sdk,
  client: S3Client,
  upload: { readonly bucket: string; readonly key: string; readonly uploadId: string },
): Promise<void> {
  try {
    await client.send(
      new sdk.AbortMultipartUploadCommand({ Bucket: upload.bucket, Key: upload.key, UploadId: upload.uploadId }),
    );
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 404) throw error;
  }
}

async function listUploads(
  sdk: Sdk,
  client: S3Client,
  { bucket, prefix }: RequestOf<'s3ListUploads'>,
): Promise<IoResults['s3ListUploads']> {
  const uploads: { bucket: string; key: string; uploadId: string }[] = [];
  let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
  while (marker !== undefined) {
    const page: Awaited<ReturnType<typeof send>> = await send(marker);
    for (const { Key, UploadId } of page.Uploads ?? [])
      if (Key !== undefined && UploadId !== undefined) uploads.push({ bucket, key: Key, uploadId: UploadId });
    marker =
      page.IsTruncated === true && page.NextKeyMarker !== undefined && page.NextUploadIdMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
  }
  return uploads;

  function send(from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string }) {
    return client.send(new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from }));
  }
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: NonNullable<S3Settings['credentials']>): {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
} {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function statusOf(size: number | undefined, modified: Date | undefined, etag: string | undefined): RemoteStatus {
  return {
    sizeBytes: size ?? 0,
    modifiedMs: modified?.getTime() ?? 0,
    ...(etag === undefined ? {} : { version: etag }),
  };
}
