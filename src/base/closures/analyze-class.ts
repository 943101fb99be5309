import type { AnyNode, ClassExpression } from 'acorn';

/** A range of a function's text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** What a class text says about its members. */
export interface ClassMembers {
  /** The expression after `extends`. */
  readonly heritage: TextRange | undefined;
  /** Static initialisers and static blocks: a shipped class gets its present static values instead. */
  readonly staticCode: readonly (TextRange & { readonly isBlock: boolean })[];
  readonly staticPrivateFields: readonly string[];
  /** Private fields, methods or accessors of its objects. */
  readonly hasPrivateMembers: boolean;
  readonly privateFields: readonly string[];
  /** Initialisers of the public fields of its objects, by name. */
  readonly fields: ReadonlyMap<string, TextRange>;
}

/** The members, and the parts of the tree that the shipped class does not run. */
export function readClass(
  node: ClassExpression,
  range: (at: AnyNode) => TextRange,
): { readonly members: ClassMembers; readonly skipped: ReadonlySet<AnyNode> } {
  const staticCode: AnyNode[] = [];
  const staticPrivateFields: string[] = [];
  const privateFields: string[] = [];
  const fields = new Map<string, TextRange>();
  let hasPrivateMembers = false;
  for (const member of node.body.body) {
    if (member.type === 'StaticBlock') {
      staticCode.push(member);
      continue;
    }
    const { key } = member;
    const isPrivate = key.type === 'PrivateIdentifier';
    hasPrivateMembers ||= isPrivate && !member.static;
    if (member.type !== 'PropertyDefinition') continue;
    if (isPrivate) (member.static ? staticPrivateFields : privateFields).push(key.name);
    if (member.static && member.value) staticCode.push(member.value);
    if (!member.static && member.value && !member.computed && key.type === 'Identifier')
      fields.set(key.name, range(member.value));
  }
  const skipped = new Set(staticCode);
  if (node.superClass) skipped.add(node.superClass);
  return {
    members: {
      heritage: node.superClass ? range(node.superClass) : undefined,
      staticCode: staticCode.map((at) => ({ ...range(at), isBlock: at.type === 'StaticBlock' })),
      staticPrivateFields,
      hasPrivateMembers,
      privateFields,
      fields,
    },
    skipped,
  };
}
