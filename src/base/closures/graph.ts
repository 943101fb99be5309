import type { ClosureNode, NodeIndex, PropertyNode } from './payload.ts';
import type { CapturePath } from './refusal.ts';

/** What is known about a value from where it was found. */
export interface ValueHints {
  /** The function that captured the variable only reads its elements. */
  readonly isOnlyRead?: boolean;
  /** The object whose own property the value is: what `super` in a method means. */
  readonly home?: object;
}

/** The graph of captured values, as those see it who take values apart. `ClosureGraph` implements it. */
export interface Graph {
  /** The node of a value, the same for the same object; its contents are captured later. */
  value(value: unknown, path: CapturePath, hints?: ValueHints): NodeIndex;
  /** A node that stands for no value of its own. */
  add(node: ClosureNode): NodeIndex;
  /** The node of a value that V8 copies faithfully. */
  data(value: unknown): NodeIndex;
  /** Own properties in order, but those that `skip` names. */
  properties(object: object, path: CapturePath, skip?: (key: PropertyKey) => boolean): readonly PropertyNode[];
  /** The node of a module's object of exports, with only those that functions name: it may hold what cannot travel. */
  members(module: object, keys: Iterable<string>, path: CapturePath): NodeIndex;
  /** The node of a method that the text of its class makes. */
  method(fn: unknown, owner: NodeIndex, key: PropertyKey, path: CapturePath): void;
  /** The node of a class whose text must be able to make objects without running its constructor. */
  reviver(made: unknown, path: CapturePath): NodeIndex;
  sharedMemory(buffer: SharedArrayBuffer): number;
}
