import type { FunctionAnalysis, VariableUse } from './analyze.ts';
import type { FunctionNode, NodeIndex } from './payload.ts';
import { editText, type TextEdit } from './text-edits.ts';

/** A variable that a function captured. */
export interface DraftVariable {
  readonly name: string;
  readonly value: NodeIndex;
  /** For a module-level variable: the script and name that all functions of the script share. */
  readonly moduleVariable?: string | undefined;
  readonly isWritten?: boolean;
  readonly uses?: readonly VariableUse[];
}

/** A captured function before it is known which module-level variables the shipped functions assign. */
export interface FunctionDraft {
  readonly kind: 'draft';
  readonly analysis: FunctionAnalysis;
  readonly variables: readonly DraftVariable[];
  readonly node: Omit<FunctionNode, 'kind' | 'text' | 'variables'>;
}

/** Letter of names that we put into users' texts: no user writes it. */
const mark = '\u2133';
export const importMetaName: string = `import${mark}meta`;
/** What an `extends` expression that is more than a name becomes. */
const heritageName = mark;

/** The name under which the text of a class finds what it extends. */
export function heritageVariable({ classMembers, parsed }: FunctionAnalysis): string {
  const heritage = classMembers?.heritage;
  const text = heritage === undefined ? '' : parsed.text.slice(heritage.start, heritage.end);
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text) ? text : heritageName;
}

/**
 * The finished node. A variable in `boxes` is read and written as `box.v`, since several functions share it; all
 * others are plain names.
 *
 * @param isReviver a class whose objects are in the payload and cannot be made from outside
 */
export function finishDraft(
  draft: FunctionDraft,
  boxes: ReadonlyMap<string, NodeIndex>,
  isReviver: boolean,
): FunctionNode {
  const { analysis, node } = draft;
  const edits = [...textEdits(analysis, isReviver)];
  const variables = draft.variables.map(({ name, value, moduleVariable, uses = [] }): readonly [string, NodeIndex] => {
    const box = moduleVariable === undefined ? undefined : boxes.get(moduleVariable);
    if (box === undefined) return [name, value];
    const boxName = `${mark}${box}`;
    for (const use of uses) edits.push({ ...use, by: boxedUse(name, boxName, use) });
    return [boxName, box];
  });
  const privateFields = isReviver ? { privateFields: analysis.classMembers?.privateFields ?? [] } : {};
  return { kind: 'function', ...node, ...privateFields, text: editText(analysis.parsed.text, edits), variables };
}

function boxedUse(name: string, boxName: string, { isShorthand, isCallee }: VariableUse): string {
  if (isShorthand) return `${name}:${boxName}.v`;
  return isCallee ? `(0,${boxName}.v)` : `${boxName}.v`;
}

/** What must change in a text so that it stands by itself. */
function* textEdits(analysis: FunctionAnalysis, isReviver: boolean): Iterable<TextEdit> {
  const { parsed, importMeta, assignedName, classMembers } = analysis;
  for (const range of importMeta) yield { ...range, by: importMetaName };
  if (assignedName !== undefined) yield { ...assignedName, by: '' };
  if (parsed.computedKey !== undefined) yield { start: parsed.computedKey[0], end: parsed.computedKey[1], by: 'm' };
  if (classMembers === undefined) return;
  const { heritage, staticCode, staticPrivateFields, privateFields } = classMembers;
  if (heritage !== undefined) yield { ...heritage, by: heritageVariable(analysis) };
  for (const { start, end, isBlock } of staticCode) yield { start, end, by: isBlock ? '' : '0' };
  // At the end of the class, so that no position before it moves.
  const end = parsed.text.lastIndexOf('}');
  if (staticPrivateFields.length > 0)
    yield { start: end, end, by: setterText(setStaticName, 'this', staticPrivateFields) };
  if (isReviver)
    yield {
      start: end,
      end,
      by: `;#${mark}=${reviveName}.hook?.(this)${setterText(setPrivateName, 'o', privateFields)}`,
    };
}

/** `;static name(v,o){o.#a=v["a"]}` */
function setterText(name: string, object: string, fields: readonly string[]): string {
  return `;static ${name}(v,o){${fields.map((field) => `${object}.#${field}=v[${JSON.stringify(field)}]`).join(';')}}`;
}

/** Static methods that shipped classes get, until they are made, for the fields that nobody else can set. */
export const setStaticName: string = `setStatic${mark}`;
export const setPrivateName: string = `setPrivate${mark}`;
/** The variable through which a class is told to hand out an object before its constructor's body runs. */
export const reviveName: string = `revive${mark}`;
