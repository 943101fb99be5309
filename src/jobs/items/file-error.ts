const mends: Readonly<Record<string, string>> = {
  ENOSPC: 'There is no space left on the device. Free some, then restart the job.',
  EDQUOT: 'The disk quota is used up. Free some space, then restart the job.',
  EACCES: 'Permission is denied. Give this user the right to write there.',
  EPERM: 'The operation is not permitted. Give this user the right to write there.',
  EROFS: 'The file system is read-only. Write somewhere else.',
  ENOTDIR: 'A part of the path is a file, not a directory.',
  EISDIR: 'It is a directory.',
};

/** An error of the operating system with the path and what to do, and still with its `code`, so that `retry('ENOSPC')` finds it. */
export function fileError(doing: string, path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (!(cause instanceof Error) || code === undefined || 'details' in cause) return cause;
  const error = new Error(`Cannot ${doing} ${path} (${code}). ${mends[code] ?? cause.message}`, { cause });
  return Object.assign(error, { code });
}
