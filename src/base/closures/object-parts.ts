import type { Graph } from './graph.ts';
import type { Integrity, ObjectParts } from './payload.ts';
import type { CapturePath } from './refusal.ts';

/** Own properties, an unusual prototype, and whether the object is frozen, sealed or closed. */
export function objectParts(
  value: object,
  usualPrototype: unknown,
  path: CapturePath,
  graph: Graph,
  skip?: (key: PropertyKey) => boolean,
): ObjectParts {
  const prototype: unknown = Object.getPrototypeOf(value);
  const integrity = integrityOf(value);
  return {
    properties: graph.properties(value, path, skip),
    ...(prototype === usualPrototype
      ? {}
      : {
          prototype:
            prototype === null ? null : graph.value(prototype, { kind: 'part', text: ' (its prototype)', of: path }),
        }),
    ...(integrity === undefined ? {} : { integrity }),
  };
}

function integrityOf(value: object): Integrity | undefined {
  if (Object.isExtensible(value)) return undefined;
  if (Object.isFrozen(value)) return 'frozen';
  return Object.isSealed(value) ? 'sealed' : 'fixed';
}
