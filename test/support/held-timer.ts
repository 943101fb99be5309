import { onTestFinished, vi } from 'vitest';

/** Long enough that no timer of just this length is anyone else's. */
export const heldMs = 98_765_432;

/**
 * Timers of {@link heldMs} are over when the function it gives is called: a test of a timeout says when, and no machine is too slow for
 * it. Until the end of the test.
 */
export function holdTimers(): () => void {
  const [start, callOff] = [setTimeout, clearTimeout];
  const held = new Map<unknown, () => void>();
  const starting = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms?: number) => {
    const timer = start(run, ms);
    if (ms === heldMs) held.set(timer, run);
    return timer;
  }) as typeof setTimeout);
  const ending = vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
    held.delete(timer);
    callOff(timer as NodeJS.Timeout);
  });
  onTestFinished(() => {
    starting.mockRestore();
    ending.mockRestore();
  });
  return () => {
    const due = [...held];
    for (const [timer, run] of due) {
      clearTimeout(timer as NodeJS.Timeout);
      run();
    }
  };
}
