import { MillraceError } from '../../../base/errors.ts';
import { describeUri } from '../uri.ts';
import type { IoFailure, IoRequest, S3Settings } from './io-protocol.ts';

interface ServiceError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

const advice: Readonly<Record<string, string>> = {
  CredentialsProviderError:
    'Give credentials: in s3.credentials, in the environment, or in the shared configuration files.',
  InvalidAccessKeyId: 'Check the credentials.',
  SignatureDoesNotMatch: 'Check the secret key and the region.',
  AccessDenied: 'Check what the credentials may do with this bucket.',
  Forbidden: 'Check the credentials and what they may do with this bucket.',
  '403': 'Check the credentials and what they may do with this bucket.',
  NoSuchBucket: 'The bucket does not exist; check its name and the endpoint.',
  PermanentRedirect: 'The bucket lives in another region; set s3.region.',
  SlowDown: 'The store asked to slow down, and still did after all retries.',
};

function adviceOn(message: string): string {
  return message === 'Region is missing' ? 'Set s3.region, or AWS_REGION in the environment.' : '';
}

/** An error as the waiting thread gets it: our code, the URI and the reason. Credentials are cut out of every text. */
export function failureOf(error: unknown, request: IoRequest, settings: S3Settings): IoFailure {
  if (error instanceof MillraceError) return { code: error.code, message: redact(error.message, settings) };
  const { name = 'Error', message = String(error), code, $metadata } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  const target = describeTarget(request);
  if (status === 412)
    return {
      code: 'MR_INPUT_CHANGED',
      message: `${target} changed while it was being read. Read it with a new RDD once nothing writes to it.`,
    };
  if (status === 404 && request.op === 's3Get' && request.version !== undefined)
    return {
      code: 'MR_INPUT_CHANGED',
      message: `${target} was deleted while it was being read. Read it with a new RDD once nothing writes to it.`,
    };
  if (status === 404 && name !== 'NoSuchBucket') return { code: 'MR_NOT_FOUND', message: `${target} does not exist.` };
  const attempts = $metadata?.attempts ?? 1;
  const facts = [
    name === 'Error' || name === 'Unknown' ? code : name,
    status === undefined ? undefined : `HTTP ${status}`,
    attempts > 1 ? `${attempts} attempts` : undefined,
  ];
  const known = facts.filter((fact) => fact !== undefined).join(', ');
  const shown = known === '' ? '' : ` (${known})`;
  const reason =
    message === '' || message === name || message === 'UnknownError' || message === 'Unknown'
      ? ''
      : `: ${message.replace(/\.?\s*$/, '')}`;
  return {
    code: name === 'NoSuchBucket' ? 'MR_NOT_FOUND' : 'MR_IO',
    message: redact(
      `cannot ${verbs[request.op]} ${target}${reason}${shown}. ${advice[name] ?? advice[String(status)] ?? adviceOn(message)}`.trim(),
      settings,
    ),
    cause: redact(`${name}: ${message}`, settings),
  };
}

const verbs: Readonly<Record<IoRequest['op'], string>> = {
  s3Head: 'read',
  s3List: 'list',
  s3Get: 'read',
  s3Put: 'write',
  s3Copy: 'copy',
  s3Delete: 'delete',
  s3StartUpload: 'write',
  s3UploadPart: 'write',
  s3CompleteUploads: 'commit',
  s3AbortUploads: 'clean up',
  s3ListUploads: 'list the uploads below',
  httpHead: 'read',
  httpGet: 'read',
};

function describeTarget(request: IoRequest): string {
  switch (request.op) {
    case 'httpHead':
    case 'httpGet':
      return describeUri(request.url);
    case 's3List':
    case 's3ListUploads':
      return `s3://${request.bucket}/${request.prefix}`;
    case 's3Copy':
      return `s3://${request.bucket}/${request.from}`;
    case 's3Delete':
      return `s3://${request.bucket}/${request.keys[0] ?? ''}`;
    case 's3CompleteUploads':
    case 's3AbortUploads':
      return `s3://${request.uploads[0]?.bucket ?? ''}/${request.uploads[0]?.key ?? ''}`;
    default:
      return `s3://${request.bucket}/${request.key}`;
  }
}

function redact(text: string, { credentials }: S3Settings): string {
  let clean = text;
  for (const secret of [credentials?.secretAccessKey, credentials?.sessionToken, credentials?.accessKeyId])
    if (secret !== undefined && secret !== '') clean = clean.replaceAll(secret, '***');
  return clean;
}
