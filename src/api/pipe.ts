import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { shipAs } from '../base/closures/shippable.ts';
import { MillraceError } from '../base/errors.ts';

/** How the processes of `pipe` run. */
export interface PipeOptions {
  /** Variables of their environment beside those of this program. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Their working directory, default that of this program. */
  readonly cwd?: string | undefined;
}

/** In a worker, what knows the process of the task at work; see `TaskProcess`. Functions over partitions run nowhere else. */
class ProcessOfTask {
  declare started: (pid: number | undefined) => void;
  declare ended: (pid: number | undefined) => void;

  static {
    shipAs(ProcessOfTask.prototype, () => ({ kind: 'value', reviver: 'taskProcess', data: undefined }));
  }
}

/** The words of a command line: cut at blanks, except inside of quotes; a backslash takes the next character as it is. */
export function splitCommand(command: string | readonly string[]): readonly string[] {
  const words = typeof command === 'string' ? wordsOf(command) : Array.isArray(command) ? [...command] : [];
  if (words.length === 0 || words.some((word) => typeof word !== 'string') || words[0] === '')
    throw new MillraceError('MR_OPTION_INVALID', `pipe: needs a command, got ${JSON.stringify(command)}.`);
  return words;
}

const word = /(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])+/gsu;
const quoted = /\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"/gsu;

function wordsOf(command: string): readonly string[] {
  if (command.replaceAll(word, '').trim() !== '')
    throw new MillraceError('MR_OPTION_INVALID', `pipe: a quote is not closed in ${JSON.stringify(command)}.`);
  return Array.from(command.matchAll(word), ([text]) =>
    text.replaceAll(
      quoted,
      (_all, escaped?: string, single?: string, double?: string) =>
        escaped ?? single ?? (double ?? '').replaceAll(/\\(["\\$`])/g, '$1'),
    ),
  );
}

/** The function over a partition that `pipe` runs in the workers: it carries the command and imports nothing but Node's modules. */
export function pipeThrough(
  [program = '', ...args]: readonly string[],
  { env, cwd }: PipeOptions,
): (rows: Iterable<unknown>) => AsyncIterable<string> {
  const processOfTask = new ProcessOfTask();
  return async function* pipe(rows) {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd, stdio: 'pipe' });
    processOfTask.started(child.pid);
    child.once('exit', () => processOfTask.ended(child.pid));
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-10_000);
    });
    const ended = new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(`cannot be run: ${error.message}`));
      child.once('close', (code, signal) => {
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        resolve(code === 0 ? undefined : `ended ${how}: ${complaint.trim() || 'it wrote no message'}`);
      });
    });
    // A program may end before it has read everything, as head does: its exit code says whether that was well.
    const { stdin } = child;
    stdin.on('error', () => stdin.destroy());
    const feed = async (): Promise<void> => {
      let text = '';
      for (const row of rows) {
        if (stdin.destroyed) return;
        text += `${String(row)}\n`;
        if (text.length < 65_536) continue;
        const isFull = !stdin.write(text);
        text = '';
        if (isFull) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => undefined);
      }
      stdin.end(text);
    };
    const fed = feed().catch((error: unknown) => {
      child.kill();
      return { error };
    });
    const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
    let pending = '';
    let isRead = false;
    try {
      for await (const text of child.stdout.setEncoding('utf8')) {
        const lines = `${pending}${text}`.split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) yield withoutReturn(line);
      }
      if (pending !== '') yield withoutReturn(pending);
      isRead = true;
    } finally {
      // Whoever wants no more lines ends the program with them.
      if (!isRead) child.kill();
    }
    const failure = await fed;
    if (failure !== undefined) throw failure.error;
    const problem = await ended;
    if (problem !== undefined) throw new Error(`"${program}" ${problem}`);
  };
}
