import { MillraceError } from '../../base/errors.ts';

/** The values of one key alone are more than fits. */
export function largeGroupError(key: unknown, bytes: number, groupBytes: number): MillraceError {
  const shown = (JSON.stringify(key) ?? String(key)).slice(0, 100);
  const [size, limit] = [bytes, groupBytes].map((number) => Math.round(number / 2 ** 20));
  return new MillraceError(
    'MR_MEMORY',
    `the group of key ${shown} takes about ${size} MB, more than the ${limit} MB there are for one group. Merge its values with reduceByKey or aggregateByKey instead of groupByKey, cogroup or join, or give the context more memory.`,
    { details: { key: shown, bytes } },
  );
}
