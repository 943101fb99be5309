/** A class of the API as its file declares it. */
export interface ClassDoc {
  readonly name: string;
  /** The class it extends, without type arguments. */
  readonly base: string | undefined;
  readonly doc: string;
  readonly members: readonly MemberDoc[];
}

/** A public member: the constructor, a method with all its overloads, a getter or a field. */
export interface MemberDoc {
  readonly name: string;
  /** Its docstring without the margin; empty where there is none. */
  readonly doc: string;
  /** One for each overload, without the implementation's and without `this`. */
  readonly signatures: readonly string[];
  readonly line: number;
}

const classLine = /^export (?:abstract )?class (\w+)(?:<.*?>)?(?: extends (\w+))?/;
const memberLine = /^ {2}(?:(?:static|readonly|async|override|get) )*\*?([a-zA-Z]\w*)[<(:?=]/;
const hidden = /^ {2}(?:readonly #|#|private |protected |declare |abstract )/;

/**
 * The exported classes of a source file, read as text: the files are formatted by Biome, so members are indented by two and a
 * signature ends with ` {` or `;`. Members that are private, protected or marked `@internal` are left out.
 */
export function classesOf(text: string): ClassDoc[] {
  const lines = text.split('\n');
  const classes: ClassDoc[] = [];
  for (const [index, line] of lines.entries()) {
    const found = classLine.exec(line);
    if (found === null) continue;
    const end = lines.indexOf('}', index);
    const [, name = '', base] = found;
    classes.push({ name, base, doc: docAbove(lines, index), members: membersOf(lines, index + 1, end) });
  }
  return classes;
}

/** A declaration at the start of a line, `export interface Name` or `export type Name`, with its docstring. */
export function declarationOf(text: string, name: string): { readonly doc: string; readonly code: string } {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^export (?:interface|type) ${name}\\b`).test(line));
  if (start < 0) throw new Error(`no declaration of ${name}`);
  // An interface ends with a brace at the margin, a type with the semicolon outside of all braces.
  const isInterface = /^export interface/.test(lines[start] as string);
  let depth = 0;
  const end = lines.findIndex((line, i) => {
    if (i < start) return false;
    depth += line.split('{').length - line.split('}').length;
    return isInterface ? line === '}' : depth === 0 && line.endsWith(';');
  });
  return {
    doc: docAbove(lines, start),
    code: lines
      .slice(start, end + 1)
      .join('\n')
      .replace(/^export /, ''),
  };
}

function membersOf(lines: readonly string[], from: number, to: number): MemberDoc[] {
  const members = new Map<string, { doc: string; signatures: string[]; line: number; implemented: boolean }>();
  for (let i = from; i < to; i++) {
    const line = lines[i] as string;
    const name = hidden.test(line) ? undefined : memberLine.exec(line)?.[1];
    if (name === undefined) continue;
    const start = i;
    while (!/[;{]$/.test(lines[i] ?? ';')) i++;
    const doc = docAbove(lines, start);
    const isBody = (lines[i] as string).endsWith('{');
    const member = members.get(name) ?? { doc, signatures: [], line: start + 1, implemented: false };
    members.set(name, member);
    // The last of several is the implementation, which nobody can call.
    if (isBody && member.signatures.length > 0) continue;
    member.signatures.push(signatureOf(lines.slice(start, i + 1)));
  }
  const kept = [...members].filter(([, { doc }]) => !doc.includes('@internal'));
  return kept.map(([name, { doc, signatures, line }]) => ({ name, doc, signatures, line }));
}

/** The docstring that ends right above a line, without its margin. */
function docAbove(lines: readonly string[], index: number): string {
  let end = index - 1;
  if (!/\*\/$/.test(lines[end] ?? '')) return '';
  const start = lines.findLastIndex((line, i) => i <= end && /^\s*\/\*\*/.test(line));
  if (start === end) return (lines[end] as string).replace(/^\s*\/\*\* ?/, '').replace(/ ?\*\/$/, '');
  if (/^\s*\*\/$/.test(lines[end] as string)) end--;
  const body = lines.slice(start, end + 1).map((line) => line.replace(/^\s*\/?\*{1,2} ?/, '').replace(/ ?\*\/$/, ''));
  return body.join('\n').trim();
}

/** A signature as a user reads it: without modifiers, `this` and body, its lines from the margin. */
function signatureOf(lines: readonly string[]): string {
  const kept = lines.filter((line) => !/^\s*this: .*,$/.test(line)).map((line) => line.slice(2));
  const text = kept
    .join('\n')
    .replace(/ ?[;{]$/, '')
    .replace(/^((?:static )?(?:readonly )?\w+(?:: [^=]+)?) = (?!>).*$/s, '$1')
    .replace(/^((?:static )?)(?:override )?(?:async )?\*?/, '$1')
    .replace(/\bthis: [^,()]*(?:<[^()]*>)?(?:, |(?=\)))/, '')
    .replace(/^get (\w+)\(\)/, '$1');
  // What is now short enough stands on one line, as Biome would have it.
  const oneLine = text
    .replace(/\(\n\s+/, '(')
    .replace(/,?\n\)/, ')')
    .replace(/\n\s+/g, ' ');
  return text.includes('\n') && oneLine.length <= 110 ? oneLine : text;
}
