import { hostname } from 'node:os';

/** Who holds something in a file system: written as JSON, so that others can find out whether it died. */
export interface ProcessOwner {
  readonly pid: number;
  readonly host: string;
}

export function thisProcess(): ProcessOwner {
  return { pid: process.pid, host: hostname() };
}

/** Another host's processes cannot be looked at, so they count as alive. */
export function isAlive({ pid, host }: ProcessOwner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
