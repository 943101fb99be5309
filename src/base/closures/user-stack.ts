import type { CallSite } from '../call-site.ts';
import { isInternalFile } from '../call-site.ts';
import { originalPosition, parseFrame, scriptPath } from '../source-position.ts';

const position = /((?:file:\/\/\/?|[A-Za-z]:[\\/]|\/)[^()]*?:\d+:\d+)(\)?)$/;

/**
 * A stack from a worker with each position as it stands in the user's sources. Workers run the transformed text at its
 * transformed place and know no source maps; the driver does.
 */
export function mapUserStack(stack: string): string {
  return stack
    .split('\n')
    .map((line) => {
      const frame = parseFrame(line);
      if (frame === undefined) return line;
      const { file, line: lineNumber, column } = originalPosition(frame);
      return line.replace(position, (_all, _old, end: string) => `${file}:${lineNumber}:${column}${end}`);
    })
    .join('\n');
}

/** The first place in the user's own code in a stack that {@link mapUserStack} gave. */
export function userFrame(stack: string): CallSite | undefined {
  for (const line of stack.split('\n')) {
    const frame = parseFrame(line);
    if (frame === undefined || isInternalFile(frame.file) || /[\\/]node_modules[\\/]/.test(frame.file)) continue;
    return { ...frame, file: scriptPath(frame.file) };
  }
  return undefined;
}
