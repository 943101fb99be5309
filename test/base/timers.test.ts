import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTimer, timerMs } from '../../src/base/timers.ts';

const dayMs = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('startTimer', () => {
  it.each([20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 7, 100 * dayMs])('fires %i ms from now, once and not before', (ms) => {
    const fired = vi.fn();
    startTimer(fired, ms);
    vi.advanceTimersByTime(ms - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(200 * dayMs);
    expect(fired).toHaveBeenCalledOnce();
  });

  it('never fires after Infinity, nor when it was called off, however late', () => {
    const fired = vi.fn();
    startTimer(fired, Number.POSITIVE_INFINITY);
    const callOff = startTimer(fired, 100 * dayMs);
    vi.advanceTimersByTime(99 * dayMs);
    callOff();
    vi.advanceTimersByTime(300 * dayMs);
    expect(fired).not.toHaveBeenCalled();
  });
});

describe('timerMs', () => {
  it.each([1e12, Number.POSITIVE_INFINITY])('makes of %d ms what does not fire at once', (ms) => {
    const fired = vi.fn();
    setInterval(fired, timerMs(ms));
    vi.advanceTimersByTime(24 * dayMs);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(dayMs);
    expect(fired).toHaveBeenCalledOnce();
    expect(timerMs(20)).toBe(20);
  });
});
