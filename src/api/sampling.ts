import { MillraceError } from '../base/errors.ts';
import type { PartitionOperation } from '../plan/lineage/partition-operation.ts';

type Sample = Extract<PartitionOperation, { readonly kind: 'sample' }>;

/** The seed of an operator that was given none: fixed when the operator is called, so that every computation draws the same rows. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

export function checkSeed(operator: string, seed: number): void {
  if (!Number.isFinite(seed))
    throw new MillraceError('MR_OPTION_INVALID', `${operator}: the seed must be a finite number, got ${String(seed)}.`);
}

export function checkFraction(operator: string, withReplacement: boolean, fraction: number): void {
  const most = withReplacement ? Number.MAX_VALUE : 1;
  if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= most))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: the fraction must be ${withReplacement ? 'at least 0' : 'from 0 to 1 without replacement'}, got ${String(fraction)}.`,
    );
}

export function sampleOperation(operator: string, withReplacement: boolean, fraction: number, seed: number): Sample {
  if (typeof withReplacement !== 'boolean')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: withReplacement must be true or false, got ${String(withReplacement)}.`,
    );
  checkFraction(operator, withReplacement, fraction);
  checkSeed(operator, seed);
  return { kind: 'sample', withReplacement, fraction, seed };
}

/**
 * The fraction by which a sample has at least `n` of `total` rows in all but one of 10 000 draws.
 * @see Spark's SamplingUtils.computeFractionForSampleSize
 */
export function sampleSizeFraction(withReplacement: boolean, n: number, total: number): number {
  const fraction = n / total;
  if (withReplacement) return Math.max(1e-10, fraction + (n < 12 ? 9 : 5) * Math.sqrt(fraction / total));
  const gamma = -Math.log(1e-4) / total;
  return Math.min(1, Math.max(1e-10, fraction + gamma + Math.sqrt(gamma * gamma + 2 * gamma * fraction)));
}
