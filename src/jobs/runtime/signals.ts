/** What the process does on SIGTERM and SIGINT: each open operator drains, then the process ends (ST-29). */

const open = new Set<() => Promise<void>>();
let isEnding = false;

/** @returns a function that forgets the operator */
export function drainOnSignals(close: () => Promise<void>): () => void {
  if (open.size === 0) {
    process.on('SIGTERM', onSigterm);
    process.on('SIGINT', onSigint);
  }
  open.add(close);
  return () => {
    open.delete(close);
    if (open.size > 0 || isEnding) return;
    process.off('SIGTERM', onSigterm);
    process.off('SIGINT', onSigint);
  };
}

const onSigterm = (): void => onSignal(0, 143);
const onSigint = (): void => onSignal(130, 130);

function onSignal(exitCode: number, atOnce: number): void {
  if (isEnding) process.exit(atOnce);
  isEnding = true;
  void Promise.allSettled([...open].map((close) => close())).then(() => process.exit(exitCode));
}
