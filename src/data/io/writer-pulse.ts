import { hostname } from 'node:os';
import { isAlive, type ProcessOwner } from './process-owner.ts';

/**
 * Whether a writer is alive can be asked on its own host only. For the others it signs, once an hour, that it is; one that has not
 * signed for a day is gone.
 */
const beatMs = 3_600_000;
const abandonedAfterMs: number = 24 * beatMs;

/** Calls `sign` once an hour, without keeping the process alive. @returns what ends it */
export function startPulse(sign: () => void): () => void {
  const timer = setInterval(() => {
    try {
      sign();
    } catch {
      // A store that does not answer now may do so in an hour; until then the last signature counts.
    }
  }, beatMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** @param signedMs when the writer last signed */
export function isGone(owner: ProcessOwner, signedMs: number, afterMs: number = abandonedAfterMs): boolean {
  return owner.host === hostname() ? !isAlive(owner) : Date.now() - signedMs > afterMs;
}
