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
export function heritageVariable({ heritage, parsed }: FunctionAnalysis): string {
  const text = heritage === undefined ? '' : parsed.text.slice(heritage.start, heritage.end);
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text) ? text : heritageName;
}

/**
 * The finished node. A variable in `boxes` is read and written as `box.v`, since several functions share it; all
 * others are plain names.
 */
export function finishDraft(draft: FunctionDraft, boxes: ReadonlyMap<string, NodeIndex>): FunctionNode {
  const edits = [...textEdits(draft.analysis)];
  const variables = draft.variables.map(({ name, value, moduleVariable, uses = [] }): readonly [string, NodeIndex] => {
    const box = moduleVariable === undefined ? undefined : boxes.get(moduleVariable);
    if (box === undefined) return [name, value];
    const boxName = `${mark}${box}`;
    for (const use of uses) edits.push({ ...use, by: boxedUse(name, boxName, use) });
    return [boxName, box];
  });
  return { kind: 'function', ...draft.node, text: editText(draft.analysis.parsed.text, edits), variables };
}

function boxedUse(name: string, boxName: string, { isShorthand, isCallee }: VariableUse): string {
  if (isShorthand) return `${name}:${boxName}.v`;
  return isCallee ? `(0,${boxName}.v)` : `${boxName}.v`;
}

/** What must change in a text so that it stands by itself, always the same for the same text. */
function* textEdits(analysis: FunctionAnalysis): Iterable<TextEdit> {
  const { parsed, heritage, importMeta, staticCode, staticPrivateNames, assignedName } = analysis;
  for (const range of importMeta) yield { ...range, by: importMetaName };
  if (heritage !== undefined) yield { ...heritage, by: heritageVariable(analysis) };
  if (assignedName !== undefined) yield { ...assignedName, by: '' };
  if (parsed.computedKey !== undefined) yield { start: parsed.computedKey[0], end: parsed.computedKey[1], by: 'm' };
  for (const range of staticCode) {
    const isBlock = parsed.text.startsWith('static', range.start) && parsed.text[range.end - 1] === '}';
    yield { ...range, by: isBlock ? '' : '0' };
  }
  if (staticPrivateNames.length > 0) {
    const end = parsed.text.lastIndexOf('}');
    const writes = staticPrivateNames.map((name) => `this.#${name}=v[${JSON.stringify(name)}]`).join(';');
    yield { start: end, end, by: ` static ${setPrivateName}(v){${writes}}` };
  }
}

/** A static method that shipped classes with private static fields get until these are set. */
export const setPrivateName: string = `set${mark}private`;
