/** Position of a function in the stage's closure payload. */
export type FunctionIndex = number;

export type LoopStep =
  | {
      readonly op: 'map' | 'filter' | 'flatMap' | 'keyBy' | 'mapValues' | 'flatMapValues' | 'foreach';
      readonly fn: FunctionIndex;
    }
  | { readonly op: 'keys' | 'values' | 'asKey' };

export type AggregatorPlan =
  | { readonly kind: 'reduce'; readonly merge: FunctionIndex }
  | {
      readonly kind: 'combine';
      readonly createCombiner: FunctionIndex;
      readonly mergeValue: FunctionIndex;
      readonly mergeCombiners: FunctionIndex;
    }
  | {
      readonly kind: 'aggregate';
      readonly zero: FunctionIndex;
      readonly mergeValue: FunctionIndex;
      readonly mergeCombiners: FunctionIndex;
    }
  | { readonly kind: 'group' }
  | { readonly kind: 'distinct' };
