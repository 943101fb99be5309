/**
 * What a step did (ST-40). At every commit `read = write + filter + processSkip + writeSkip`, unless a processor makes
 * many outputs of an item. Kept by the chunk commit.
 */
export interface StepCounts {
  /** Items obtained; records that could not be read are not among them. */
  read: number;
  filter: number;
  /** Outputs committed. */
  write: number;
  readSkip: number;
  processSkip: number;
  writeSkip: number;
  /** The sum of the three. */
  skip: number;
  commit: number;
  rollback: number;
  /** Tries beyond the first. */
  retry: number;
}

export function noCounts(): StepCounts {
  return {
    read: 0,
    filter: 0,
    write: 0,
    readSkip: 0,
    processSkip: 0,
    writeSkip: 0,
    skip: 0,
    commit: 0,
    rollback: 0,
    retry: 0,
  };
}

/** Adds `more` to `counts`, in place. */
export function addCounts(counts: StepCounts, more: StepCounts): void {
  counts.read += more.read;
  counts.filter += more.filter;
  counts.write += more.write;
  counts.readSkip += more.readSkip;
  counts.processSkip += more.processSkip;
  counts.writeSkip += more.writeSkip;
  counts.skip += more.skip;
  counts.commit += more.commit;
  counts.rollback += more.rollback;
  counts.retry += more.retry;
}
