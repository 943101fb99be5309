import { analyzeFunction } from './analyze.ts';
import type { KnownClass } from './known-classes.ts';
import type { UserFunction } from './user-function.ts';

/** What of an object only the text of its class can make again. */
export interface InstanceState {
  readonly made: UserFunction;
  readonly privateFields: readonly string[];
  /** Own fields that hold an arrow of the class text that uses `this`: the object itself. */
  readonly initialised: readonly string[];
}

/**
 * The state that the class must make, undefined when there is none, or `unreachable` when it is spread over several
 * classes or lies under a constructor that would have to run.
 *
 * @param classes the user's classes above the object, the nearest first
 */
export function instanceState(
  value: object,
  classes: readonly KnownClass[],
): InstanceState | undefined | 'unreachable' {
  const states = classes.flatMap(({ made, analysis }) => {
    const members = analysis?.classMembers;
    if (members === undefined) return [];
    const text = analysis?.parsed.text ?? '';
    const initialised = [...members.fields]
      .filter(([name, { start, end }]) => isArrowWithThis(value, name, text.slice(start, end)))
      .map(([name]) => name);
    if (!members.hasPrivateMembers && initialised.length === 0) return [];
    return [{ made, privateFields: members.privateFields, initialised, members }];
  });
  const [state, ...others] = states;
  if (state === undefined) return undefined;
  if (others.length === 0 && state.members.heritage === undefined) return state;
  return states.some(({ members }) => members.hasPrivateMembers) ? 'unreachable' : undefined;
}

function isArrowWithThis(value: object, name: string, initialiser: string): boolean {
  const field: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  if (typeof field !== 'function') return false;
  const text = Function.prototype.toString.call(field);
  if (!initialiser.includes(text)) return false;
  const { isArrow, faults } = analyzeFunction(text);
  return isArrow && faults.has('this');
}
