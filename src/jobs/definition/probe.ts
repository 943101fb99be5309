/** Where a probe is called (section 13 of the specification), for tests: it may end the process there. */
export type ProbePoint =
  | 'afterRead'
  | 'afterProcess'
  | 'beforeWrite'
  | 'beforeCommit'
  | 'afterCommit'
  | 'betweenRanges'
  | 'beforeBackoff'
  | 'beforePublish'
  | 'afterPublish'
  | 'beforeFinalStatus'
  | 'afterFinalStatus';

/** What it throws is an error at that point. */
export type Probe = (
  point: ProbePoint,
  at: { executionId: string; stepName: string; partition?: number; firstIndex?: number },
) => void;
