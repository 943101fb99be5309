/** What can be stored: in checkpoints, contexts, results and parameters. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
