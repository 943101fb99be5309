/** Time for waits, row times and breakers. Leases and timeouts run on real time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Called for waits between tries and for nothing else. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
