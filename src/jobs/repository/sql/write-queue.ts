import { startTimer } from '../../../base/timers.ts';

/** A turn in a {@link WriteQueue}; call `leave` once. */
export interface WriteTurn {
  leave(): void;
}

/**
 * Hands the write lock of one SQLite file from writer to writer of this process, first come, first served. Without it
 * they would poll, and the one that writes most often would starve the others.
 */
export class WriteQueue {
  #isTaken = false;
  readonly #waiting: ((turn: WriteTurn) => void)[] = [];

  /** @throws what `onTimeout` makes, when no turn came within `timeoutMs` */
  enter(timeoutMs: number, onTimeout: () => Error): Promise<WriteTurn> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return Promise.resolve(this.#turn());
    }
    return new Promise((resolve, reject) => {
      const granted = (turn: WriteTurn): void => {
        callOff();
        resolve(turn);
      };
      const callOff = startTimer(() => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1);
        reject(onTimeout());
      }, timeoutMs);
      this.#waiting.push(granted);
    });
  }

  #turn(): WriteTurn {
    let isOver = false;
    return {
      leave: () => {
        if (isOver) return;
        isOver = true;
        const next = this.#waiting.shift();
        if (next) next(this.#turn());
        else this.#isTaken = false;
      },
    };
  }
}

const queues = new Map<string, { readonly queue: WriteQueue; users: number }>();

/** The queue of a file: one in the process, since the lock it stands for is one in the process. Give it back with {@link releaseWriteQueue}. */
export function shareWriteQueue(identity: string): WriteQueue {
  const entry = queues.get(identity) ?? { queue: new WriteQueue(), users: 0 };
  entry.users += 1;
  queues.set(identity, entry);
  return entry.queue;
}

export function releaseWriteQueue(identity: string): void {
  const entry = queues.get(identity);
  if (entry === undefined) return;
  entry.users -= 1;
  if (entry.users === 0) queues.delete(identity);
}
