import type { CallSite } from '../call-site.ts';

/** A function that a user passed to an operator. */
export type UserFunction = (...args: never[]) => unknown;

/** A user's function on its way to the workers, with what an error about it must name. */
export interface FunctionToShip {
  readonly fn: UserFunction;
  /** The method it was passed to: `map`. */
  readonly operator: string;
  readonly callSite: CallSite | undefined;
  /** Values for free variables by name, given by the user: `map(fn, { captured: { k } })`. */
  readonly captured?: Readonly<Record<string, unknown>> | undefined;
}
