import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds something in a file system: written as JSON, so that others can find out whether it died. */
export interface ProcessOwner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own words: another process may get the same number later. */
  readonly began?: string;
}

export function thisProcess(): ProcessOwner {
  const began = beginOf(process.pid);
  return { pid: process.pid, host: hostname(), ...(began === undefined ? {} : { began }) };
}

/** Another host's processes cannot be looked at, so they count as alive. */
export function isAlive({ pid, host, began }: ProcessOwner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = beginOf(pid);
  return began === undefined || now === undefined || began === now;
}

/** Linux: the boot and the clock tick at which a process began (field 22 of its stat); undefined elsewhere. */
export function beginOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name, in parentheses, may hold blanks and parentheses itself.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? undefined : `${boot} ${ticks}`;
  } catch {
    return undefined;
  }
}
