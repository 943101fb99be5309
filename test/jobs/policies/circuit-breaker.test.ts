import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../../src/jobs/policies/circuit-breaker.ts';

const fail =
  (error: Error = new Error('down')) =>
  (): never => {
    throw error;
  };

function breakerAt(options: ConstructorParameters<typeof CircuitBreaker>[0] = {}): {
  readonly breaker: CircuitBreaker;
  readonly clock: { time: number };
} {
  const clock = { time: 0, now: () => clock.time, sleep: () => Promise.resolve() };
  return { clock, breaker: new CircuitBreaker({ failureThreshold: 3, recoveryTimeoutMs: 100, clock, ...options }) };
}

async function open(breaker: CircuitBreaker): Promise<void> {
  for (let n = 0; n < 3; n++) await expect(breaker.call(fail())).rejects.toThrow('down');
}

describe('CircuitBreaker', () => {
  it('ST-80: opens at the threshold of failures in a row; a success starts the count again', async () => {
    const { breaker } = breakerAt();
    await expect(breaker.call(fail())).rejects.toThrow('down');
    await expect(breaker.call(fail())).rejects.toThrow('down');
    expect([breaker.state, breaker.failureCount]).toEqual(['CLOSED', 2]);
    expect(await breaker.call(() => 1)).toBe(1);
    expect(breaker.failureCount).toBe(0);
    await open(breaker);
    expect([breaker.state, breaker.failureCount]).toEqual(['OPEN', 3]);
  });

  it('ST-80: does not call while open and says how long that lasts', async () => {
    const { breaker, clock } = breakerAt();
    await open(breaker);
    clock.time = 30;
    let called = false;
    await expect(
      breaker.call(() => {
        called = true;
      }),
    ).rejects.toMatchObject({ code: 'MR_CIRCUIT_OPEN', retryAfterMs: 70, message: 'Circuit breaker is OPEN' });
    expect([called, breaker.state]).toEqual([false, 'OPEN']);
  });

  it('ST-80: lets one probe through after the timeout; its outcome decides', async () => {
    const { breaker, clock } = breakerAt();
    await open(breaker);
    clock.time = 100;
    let finish = (): void => undefined;
    const probe = breaker.call(() => new Promise<void>((resolve) => (finish = resolve)));
    expect(breaker.state).toBe('HALF_OPEN');
    await expect(breaker.call(() => 1)).rejects.toMatchObject({ code: 'MR_CIRCUIT_OPEN' });
    finish();
    await probe;
    expect([breaker.state, breaker.failureCount]).toEqual(['CLOSED', 0]);
    await open(breaker);
    clock.time = 250;
    await expect(breaker.call(fail())).rejects.toThrow('down');
    expect(breaker.state).toBe('OPEN');
    clock.time = 349;
    await expect(breaker.call(() => 1)).rejects.toMatchObject({ retryAfterMs: 1 });
  });

  it('ST-81: other errors pass, change no count and free the slot of the probe', async () => {
    const { breaker, clock } = breakerAt({ expected: [RangeError] });
    for (let n = 0; n < 5; n++) await expect(breaker.call(fail(new TypeError('mine')))).rejects.toThrow('mine');
    expect([breaker.state, breaker.failureCount]).toEqual(['CLOSED', 0]);
    for (let n = 0; n < 3; n++) await expect(breaker.call(fail(new RangeError('far')))).rejects.toThrow('far');
    clock.time = 100;
    await expect(breaker.call(fail(new TypeError('mine')))).rejects.toThrow('mine');
    expect(breaker.state).toBe('HALF_OPEN');
    expect(await breaker.call(() => 2)).toBe(2);
    expect(breaker.state).toBe('CLOSED');
  });

  it('takes no notice of calls that began in an earlier state', async () => {
    const { breaker, clock } = breakerAt();
    let finish = (): void => undefined;
    const slow = breaker.call(() => new Promise<void>((resolve) => (finish = resolve)));
    await open(breaker);
    finish();
    await slow;
    expect(breaker.state).toBe('OPEN');
    clock.time = 1000;
    expect(await breaker.call(() => 1)).toBe(1);
  });

  it('ST-82: is one a name in the process', async () => {
    const first = CircuitBreaker.named('st-82', { failureThreshold: 1 });
    await expect(first.call(fail())).rejects.toThrow('down');
    expect(CircuitBreaker.named('st-82')).toBe(first);
    expect(CircuitBreaker.named('st-82').state).toBe('OPEN');
    expect(CircuitBreaker.named('st-82 other').state).toBe('CLOSED');
  });
});
