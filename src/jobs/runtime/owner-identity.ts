import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { uuidV7 } from '../repository/uuid-v7.ts';

/**
 * Names the process that owns an execution: machine boot, pid namespace, pid, start time of the process, and the
 * operator in it. Where one cannot be told it is `-`, and only the lease says whether the owner lives (ST-23).
 */
export function newOwner(): string {
  return [bootId(), pidNamespace(), String(process.pid), startTime(process.pid) ?? '-', uuidV7()].join('|');
}

/** Whether the process of an owner is gone for certain. */
export function isOwnerDead(owner: string): boolean {
  const [boot, namespace, pid, started] = owner.split('|');
  if (boot === '-' || namespace === '-' || started === '-' || pid === undefined) return false;
  if (boot !== bootId() || namespace !== pidNamespace()) return false;
  return startTime(Number(pid)) !== started;
}

let boot: string | undefined;
let namespace: string | undefined;

function bootId(): string {
  boot ??= told(() => `${hostname()}:${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`);
  return boot;
}

function pidNamespace(): string {
  namespace ??= told(() => readlinkSync('/proc/self/ns/pid'));
  return namespace;
}

/** Field 22 of /proc/pid/stat, behind a name in brackets that may hold anything; undefined when there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie waits only for its parent to look: it writes nothing more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function told(read: () => string): string {
  if (process.platform !== 'linux') return '-';
  try {
    return read().replaceAll('|', '_');
  } catch (error) {
    // A sandbox without /proc: the lease decides.
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return '-';
    throw error;
  }
}
