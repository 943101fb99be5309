/** The method by which an object says how it travels inside a closure. */
export const SHIP: unique symbol = Symbol.for('millrace.ship') as never;

/**
 * `value`: the worker gets `revive(reviver, data)` instead of the object. `data` is plain data; shared memory in it
 * stays shared. `refuse`: the capture fails, and `reason` is the end of the message (what it is, and how to mend it).
 */
export type ShipOrder =
  | { readonly kind: 'value'; readonly reviver: string; readonly data: unknown }
  | { readonly kind: 'refuse'; readonly reason: string };

/** Something of millrace that a user may name inside a closure: a Broadcast, an Accumulator, an RDD, the context. */
export interface Shippable {
  [SHIP](): ShipOrder;
}

export function isShippable(value: object): value is Shippable {
  return typeof (value as Partial<Shippable>)[SHIP] === 'function';
}

/** Says how the objects of a class travel, without adding to the type that users see. */
export function shipAs<T extends object>(prototype: T, order: (object: T) => ShipOrder): void {
  Object.defineProperty(prototype, SHIP, {
    value(this: T): ShipOrder {
      return order(this);
    },
  });
}
