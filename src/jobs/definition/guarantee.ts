/** What a sink promises after a crash. */
export type Guarantee = 'exactlyOnce' | 'idempotent' | 'atLeastOnce';
