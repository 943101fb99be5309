import { MillraceError } from '../../base/errors.ts';

/**
 * One step of a compiled glob. `name` matches one segment of a path, `any` stands for `**`: any number of directories.
 * A `literal` needs no listing.
 */
export type GlobSegment =
  | { readonly kind: 'literal'; readonly name: string }
  | { readonly kind: 'name'; readonly pattern: RegExp; readonly matchesHidden: boolean }
  | { readonly kind: 'any' };

const special = /[*?{}[\]\\]/;

export function hasGlob(path: string): boolean {
  return special.test(path);
}

/** Files that a listing leaves out, as Spark and Hive do: `.x` and `_x`, but not the directories `_k=v` of a partition. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || (name.startsWith('_') && !name.includes('='));
}

/**
 * Compiles `*`, `?`, `[a-z]`, `[!a]`, `{a,b}`, `**` and `\` (takes the next character as it is). Braces may hold a slash
 * and other patterns, so one glob can become several lists of segments.
 */
export function compileGlob(glob: string): readonly (readonly GlobSegment[])[] {
  return expandBraces(glob).map((path) =>
    splitSegments(path)
      .filter((segment) => segment !== '')
      .map((segment) => compileSegment(segment, glob)),
  );
}

/** The alternatives of every `{a,b}`, with the remaining special characters left as they are. */
function expandBraces(glob: string): readonly string[] {
  const open = indexOutside(glob, '{', 0);
  if (open < 0) return [glob];
  const alternatives: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < glob.length; at++) {
    const char = glob[at];
    if (char === '\\') at++;
    else if (char === '{') depth++;
    else if (char === ',' && depth === 1) {
      alternatives.push(glob.slice(from, at));
      from = at + 1;
    } else if (char === '}' && --depth === 0) {
      alternatives.push(glob.slice(from, at));
      const before = glob.slice(0, open);
      const after = glob.slice(at + 1);
      return alternatives.flatMap((middle) => expandBraces(before + middle + after));
    }
  }
  throw invalidGlob(glob, 'a { has no }');
}

function splitSegments(path: string): readonly string[] {
  const segments: string[] = [];
  let from = 0;
  for (let at = 0; at < path.length; at++) {
    if (path[at] === '\\') at++;
    else if (path[at] === '/') {
      segments.push(path.slice(from, at));
      from = at + 1;
    }
  }
  segments.push(path.slice(from));
  return segments;
}

function compileSegment(segment: string, glob: string): GlobSegment {
  if (segment === '**') return { kind: 'any' };
  if (!special.test(segment)) return { kind: 'literal', name: segment };
  let source = '';
  let isLiteral = true;
  let literal = '';
  for (let at = 0; at < segment.length; at++) {
    const char = segment.charAt(at);
    if (char === '*' || char === '?') {
      isLiteral = false;
      source += char === '*' ? '.*' : '.';
      while (char === '*' && segment[at + 1] === '*') at++;
    } else if (char === '[') {
      isLiteral = false;
      const close = segment.indexOf(']', segment[at + 1] === '!' || segment[at + 1] === '^' ? at + 3 : at + 2);
      if (close < 0) throw invalidGlob(glob, 'a [ has no ]');
      const inside = segment.slice(at + 1, close);
      const isNegated = /^[!^]/.test(inside);
      const members = (isNegated ? inside.slice(1) : inside).replace(/[\\\]^[]/g, '\\$&');
      source += `[${isNegated ? '^' : ''}${members}]`;
      at = close;
    } else {
      if (char === '\\' && at + 1 === segment.length) throw invalidGlob(glob, 'it ends with a \\');
      const plain = char === '\\' ? segment.charAt(++at) : char;
      literal += plain;
      source += plain.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  if (isLiteral) return { kind: 'literal', name: literal };
  try {
    return { kind: 'name', pattern: new RegExp(`^${source}$`, 'su'), matchesHidden: /^\\?[._]/.test(segment) };
  } catch (cause) {
    throw invalidGlob(glob, (cause as Error).message);
  }
}

function indexOutside(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === wanted) return at;
  }
  return -1;
}

function invalidGlob(glob: string, reason: string): MillraceError {
  return new MillraceError(
    'MR_OPTION_INVALID',
    `the pattern "${glob}" is not valid: ${reason}. Put a \\ before a character that is meant as it is.`,
  );
}
