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
