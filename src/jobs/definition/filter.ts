/** Returned by a processor, it drops the item. */
export const FILTER: unique symbol = Symbol.for('millrace.FILTER') as never;
