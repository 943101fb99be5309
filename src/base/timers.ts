/** Timers of Node cannot be set further ahead, 24.8 days: beyond that they fire after 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** A period or timeout that Node's timers take; a longer one, or Infinity, becomes the longest. Where that may be too early, {@link startTimer}. */
export function timerMs(ms: number): number {
  return Math.min(ms, longestTimerMs);
}

/** Calls `then` once, so long from now, however long that is; with Infinity never. @returns what calls it off */
export function startTimer(then: () => void, ms: number): () => void {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(
      () => (leftMs > longestTimerMs ? wait(leftMs - longestTimerMs) : then()),
      Math.min(leftMs, longestTimerMs),
    );
  };
  wait(ms);
  return () => clearTimeout(timer);
}
