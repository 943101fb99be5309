import { describe, expect, it } from 'vitest';
import { type ErrorCode, MillraceError } from '../../../src/base/errors.ts';
import { BatchError, RetryableError, SkippableError } from '../../../src/jobs/definition/batch-error.ts';
import { decideOnError, type FaultRules } from '../../../src/jobs/policies/classification.ts';
import { matchesError } from '../../../src/jobs/policies/error-match.ts';
import { retryRule } from '../../../src/jobs/policies/retry-delay.ts';

const decide = (error: unknown, rules: Partial<FaultRules> = {}, attempt = 1, isAborted = false): string =>
  decideOnError(error, { retry: [], skip: [], rule: retryRule({}), ...rules }, { attempt, skippedSoFar: 2, isAborted });
const ours = (code: ErrorCode): MillraceError => new MillraceError(code, 'x');

describe('decideOnError', () => {
  it('ST-60: fails on what nobody listed, and on a BatchError that is neither retryable nor skippable', () => {
    expect(decide(new Error('x'))).toBe('fail');
    expect(decide(new BatchError('x'), { retry: [Error], skip: [Error], classify: () => 'skip' })).toBe('fail');
  });

  it('ST-60: fails on errors of ours but those about one record, whatever the lists say', () => {
    const all: Partial<FaultRules> = { skip: [Error], classify: () => 'skip' };
    for (const code of ['MR_IO', 'MR_BUG', 'MR_OUTPUT_TAMPERED', 'MR_READER_KEY_NOT_UNIQUE'] as const)
      expect(decide(ours(code), all)).toBe('fail');
    for (const code of ['MR_PARSE', 'MR_VALIDATION', 'MR_HTTP', 'MR_NO_SUCH_ROW'] as const) {
      expect(decide(ours(code))).toBe('fail');
      expect(decide(ours(code), { skip: [code] })).toBe('skip');
      expect(decide(ours(code), { retry: [code] })).toBe('retry');
    }
  });

  it('ST-60: ends the step on a stop, a lost lease and timeouts', () => {
    for (const code of ['MR_LEASE_LOST', 'MR_STEP_TIMEOUT', 'MR_JOB_TIMEOUT', 'MR_ABORTED'] as const)
      expect(decide(ours(code), { skip: [Error], retry: [Error] })).toBe('end');
    expect(decide(new Error('x'), { retry: [Error] }, 1, true)).toBe('end');
  });

  it('ST-60: tries again after an open breaker and a transaction that took too long, while tries remain', () => {
    for (const code of ['MR_CIRCUIT_OPEN', 'MR_TRANSACTION_TIMEOUT'] as const) {
      expect(decide(ours(code), { classify: () => 'fail' })).toBe('retry');
      expect(decide(ours(code), {}, 4)).toBe('fail');
    }
  });

  it('ST-60: asks classify before the lists', () => {
    const lists = { retry: [Error], skip: [Error] };
    expect(decide(new Error('x'), { ...lists, classify: () => 'fail' })).toBe('fail');
    expect(decide(new Error('x'), { ...lists, classify: () => 'skip' })).toBe('skip');
    expect(decide(new Error('x'), { classify: () => 'retry' })).toBe('retry');
    expect(decide(new Error('x'), { classify: () => 'retry' }, 4)).toBe('fail');
    expect(decide(new Error('x'), { ...lists, classify: () => undefined })).toBe('retry');
  });

  it('ST-60: tries again first what may be tried again and skipped', () => {
    const lists = { retry: [Error], skip: [Error] };
    expect([1, 2, 3, 4].map((attempt) => decide(new Error('x'), lists, attempt))).toEqual([
      ...['retry', 'retry', 'retry', 'skip'],
    ]);
    expect(decide(new RetryableError('x'))).toBe('retry');
    expect(decide(new RetryableError('x'), {}, 4)).toBe('fail');
    expect(decide(new SkippableError('x'))).toBe('skip');
    expect(decide(new SkippableError('x'), { retry: ['MR_SKIPPABLE'] })).toBe('retry');
  });

  it('ST-62: lets shouldRetry narrow what is retried', () => {
    const rule = retryRule({ shouldRetry: (attempt) => attempt < 2 });
    expect(decide(new RetryableError('x'), { rule }, 1)).toBe('retry');
    expect(decide(new RetryableError('x'), { rule, skip: ['MR_RETRYABLE'] }, 2)).toBe('skip');
  });

  it('ST-72: gives skipPolicy the error and the skips so far', () => {
    const skipPolicy = (error: Error, skipped: number): boolean => error.message === 'x' && skipped === 2;
    expect(decide(new Error('x'), { skipPolicy })).toBe('skip');
    expect(decide(new Error('y'), { skipPolicy })).toBe('fail');
  });

  it('judges the error of a user function inside the engine, not the wrapping around it', () => {
    const wrapped = new MillraceError('MR_USER_FUNCTION', 'map threw', { cause: new RangeError('far') });
    expect(decide(wrapped, { skip: [RangeError] })).toBe('skip');
    expect(decide('thrown text', { classify: (error) => (error.message === 'thrown text' ? 'skip' : 'fail') })).toBe(
      'skip',
    );
  });
});

describe('matchesError', () => {
  it('knows classes, codes and names, through causes, and survives a cycle of causes', () => {
    class Busy extends Error {}
    const chain = new Error('outer', { cause: Object.assign(new Busy('inner'), { code: 'EBUSY' }) });
    expect(matchesError(chain, [Busy])).toBe(true);
    expect(matchesError(chain, ['EBUSY'])).toBe(true);
    expect(matchesError(chain, ['EOTHER', TypeError])).toBe(false);
    expect(matchesError(new TypeError('x'), ['TypeError'])).toBe(true);
    expect(matchesError(Object.assign(new Error('from a worker'), { name: 'Busy' }), [Busy])).toBe(true);
    const cycle = new Error('a');
    cycle.cause = cycle;
    expect(matchesError(cycle, ['none'])).toBe(false);
    expect(matchesError(undefined, ['none'])).toBe(false);
  });
});
