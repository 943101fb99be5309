import { types } from 'node:util';

/** Whether an object holds the exports of one of the user's modules, whatever module system or transpiler made it. */
export function isModuleObject(value: object): boolean {
  if (types.isProxy(value)) return false;
  if (types.isModuleNamespaceObject(value)) return true;
  return isTrue(value, '__esModule', true) || isTrue(value, Symbol.toStringTag, 'Module');
}

/** Transpilers define the mark as a value, or as a getter when they copy exports. */
function isTrue(value: object, key: PropertyKey, expected: unknown): boolean {
  return Object.hasOwn(value, key) && Reflect.get(value, key) === expected;
}
