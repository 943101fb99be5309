import type { AnyNode, ArrowFunctionExpression, FunctionExpression, ObjectPattern } from 'acorn';
import type { ParsedFunction } from './parse-function.ts';
import { walkReferences } from './references.ts';
import { keyName } from './row-tests.ts';

/**
 * The properties that a function of one row reads from it, or undefined when it might use the row in any other way: hand it on, give
 * it back, write to it, or name a property that only the run knows.
 */
export function rowProperties({ node, form }: ParsedFunction): ReadonlySet<string> | undefined {
  if (form !== 'expression' || node.type === 'ClassExpression') return undefined;
  const [param] = node.params;
  if (usesAnything(node)) return undefined;
  if (param === undefined) return new Set();
  if (param.type === 'ObjectPattern') return patternKeys(param);
  return param.type === 'Identifier' ? propertiesOf(param.name, node) : undefined;
}

/** `arguments` and `eval` reach what the text does not name. */
function usesAnything(node: ArrowFunctionExpression | FunctionExpression): boolean {
  let found = false;
  walkReferences(node, {
    reference({ identifier }) {
      found ||= identifier.name === 'arguments' || identifier.name === 'eval';
    },
  });
  return found;
}

function patternKeys(pattern: ObjectPattern): ReadonlySet<string> | undefined {
  const keys = pattern.properties.map((property) =>
    property.type === 'RestElement' ? undefined : keyName(property.key, property.computed),
  );
  return keys.includes(undefined) ? undefined : new Set(keys.filter((key) => key !== undefined));
}

function propertiesOf(
  name: string,
  node: ArrowFunctionExpression | FunctionExpression,
): ReadonlySet<string> | undefined {
  const properties = new Set<string>();
  let isOnlyRead = true;
  walkReferences(node, {
    reference({ identifier, binding, write, ancestors }) {
      if (identifier.name !== name || binding?.kind !== 'parameter' || binding.scope !== node) return;
      const property = write === undefined ? propertyRead(identifier, ancestors) : undefined;
      if (property === undefined) isOnlyRead = false;
      else properties.add(property);
    },
  });
  return isOnlyRead ? properties : undefined;
}

/** The property that `row.property` reads here; undefined where it is called as a method, written, deleted or a target of any kind. */
function propertyRead(row: AnyNode, ancestors: readonly AnyNode[]): string | undefined {
  const member = ancestors.at(-1);
  const above = ancestors.at(-2);
  if (member?.type !== 'MemberExpression' || member.object !== row || above === undefined) return undefined;
  switch (above.type) {
    case 'CallExpression':
      if (above.callee === member) return undefined;
      break;
    case 'TaggedTemplateExpression':
    case 'UpdateExpression':
    case 'ArrayPattern':
    case 'ObjectPattern':
    case 'RestElement':
      return undefined;
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'AssignmentExpression':
    case 'AssignmentPattern':
      if (above.left === member) return undefined;
      break;
    case 'UnaryExpression':
      if (above.operator === 'delete') return undefined;
      break;
    case 'ChainExpression':
      // `delete row?.x`
      if (ancestors.at(-3)?.type === 'UnaryExpression') return undefined;
      break;
    case 'Property':
      if (ancestors.at(-3)?.type === 'ObjectPattern') return undefined;
      break;
    default:
      break;
  }
  return keyName(member.property, member.computed);
}
