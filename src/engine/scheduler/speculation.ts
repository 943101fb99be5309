/** When a second try of a task that takes long is started beside the first: the one that ends first counts. */
export interface SpeculationSettings {
  /** How many times the median of the tasks that have ended is long. */
  readonly multiplier: number;
  /** The share of a stage's tasks that must have ended before one counts as long. */
  readonly quantile: number;
  /** How often tasks are looked at. */
  readonly intervalMs: number;
}

/** Less than this is never long, as in Spark: a second try costs more. */
const SHORT_MS = 100;

/** From when on a running task takes long; undefined while too few have ended to tell. */
export function longMs(
  endedMs: readonly number[],
  unfinished: number,
  { multiplier, quantile }: SpeculationSettings,
): number | undefined {
  const total = endedMs.length + unfinished;
  if (endedMs.length < Math.max(1, Math.floor(quantile * total))) return undefined;
  const median = endedMs.toSorted((a, b) => a - b)[endedMs.length >> 1] ?? 0;
  return Math.max(SHORT_MS, multiplier * median);
}
