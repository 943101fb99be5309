/** `1` widens to number, `'a'` to string: the values of a literal pair can be merged into others of their kind. */
export type Widen<V> = V extends number
  ? number
  : V extends string
    ? string
    : V extends boolean
      ? boolean
      : V extends bigint
        ? bigint
        : V;

/** A row that operators by key accept. */
export type Pair<K, V> = readonly [K, V];

/** The key of a row that is a pair. */
export type KeyOf<T> = [T] extends [Pair<infer K, unknown>] ? K : never;

/**
 * What a function that merges two values of a key takes and gives. It is made of the row's type, not of a type parameter of the operator:
 * only then does TypeScript see a tuple in `([a, b], [c, d]) => [a + c, b + d]`.
 */
export type MergedValue<T> = [T] extends [Pair<unknown, infer V>] ? Widen<V> : never;
