export type { ErrorCode } from './base/errors.ts';
export { MillraceError } from './base/errors.ts';
