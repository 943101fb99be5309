import { findSourceMap, type SourceMap } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A place in a script as V8 counts: `file` is a path or URL, line and column start at 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The path of a script's name, which V8 gives as a `file:` URL for ES modules and as a path for CommonJS. */
export function scriptPath(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}

/**
 * Where the position stood in the source the user wrote: `position` itself when the script was not transformed.
 *
 * Node's own registry of source maps knows tsx and type stripping. Test runners (Vitest) and source-map-support keep
 * theirs behind `Error.prepareStackTrace`, so that is asked next, with one frame.
 */
export function originalPosition(position: SourcePosition): SourcePosition {
  const map = sourceMapOf(position.file);
  if (map !== undefined) {
    const entry = map.findEntry(position.line - 1, position.column - 1);
    if (!('originalSource' in entry)) return position;
    return {
      file: scriptPath(entry.originalSource),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    };
  }
  return positionFromStackHook(position) ?? position;
}

function sourceMapOf(file: string): SourceMap | undefined {
  const map = findSourceMap(file);
  if (map !== undefined || !file.startsWith('/')) return map;
  return findSourceMap(pathToFileURL(file).href);
}

function positionFromStackHook(position: SourcePosition): SourcePosition | undefined {
  const hook = Error.prepareStackTrace;
  if (hook === undefined) return undefined;
  const text: unknown = hook(new Error('position'), [new PositionFrame(position)]);
  const line = typeof text === 'string' ? text.split('\n').at(-1) : undefined;
  return line === undefined ? undefined : parseFrame(line);
}

const framePattern = /^(\s*at (?:async )?(?:[^(]*\()?)((?:file:\/\/\/?|[A-Za-z]:[\\/]|\/)[^()]*?):(\d+):(\d+)\)?$/;

/** The position in one line of a stack, or undefined when the line names none. */
export function parseFrame(line: string): SourcePosition | undefined {
  const match = framePattern.exec(line);
  if (match === null) return undefined;
  return { file: String(match[2]), line: Number(match[3]), column: Number(match[4]) };
}

/** One stack frame that has a position and nothing else, for `Error.prepareStackTrace`. */
class PositionFrame implements NodeJS.CallSite {
  readonly #position: SourcePosition;

  constructor(position: SourcePosition) {
    this.#position = position;
  }

  getFileName(): string {
    return this.#position.file;
  }
  getScriptNameOrSourceURL(): string {
    return this.#position.file;
  }
  getLineNumber(): number {
    return this.#position.line;
  }
  getColumnNumber(): number {
    return this.#position.column;
  }
  getEnclosingLineNumber(): number {
    return this.#position.line;
  }
  getEnclosingColumnNumber(): number {
    return this.#position.column;
  }
  getPosition(): number {
    return 0;
  }
  getThis(): undefined {
    return undefined;
  }
  getTypeName(): null {
    return null;
  }
  getFunction(): undefined {
    return undefined;
  }
  getFunctionName(): null {
    return null;
  }
  getMethodName(): null {
    return null;
  }
  getEvalOrigin(): undefined {
    return undefined;
  }
  getScriptHash(): string {
    return '';
  }
  getPromiseIndex(): null {
    return null;
  }
  isToplevel(): boolean {
    return true;
  }
  isEval(): boolean {
    return false;
  }
  isNative(): boolean {
    return false;
  }
  isConstructor(): boolean {
    return false;
  }
  isAsync(): boolean {
    return false;
  }
  isPromiseAll(): boolean {
    return false;
  }
  toString(): string {
    return `${this.getFileName()}:${this.getLineNumber()}:${this.getColumnNumber()}`;
  }
}
