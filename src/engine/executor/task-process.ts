import { Control } from '../protocol/task.ts';

/**
 * The process that a task at work has started. Its number stands in the batch's control words: a thread that is ended cannot end its
 * process any more, so the driver does. Tasks of a worker start one after the other.
 */
export class TaskProcess {
  #control: Int32Array | undefined;

  /** From now on tasks of another batch run. */
  enter(control: Int32Array): void {
    this.#control = control;
  }

  started(pid: number | undefined): void {
    if (this.#control !== undefined && pid !== undefined) Atomics.store(this.#control, Control.process, pid);
  }

  /** May come late, when the next one has started. */
  ended(pid: number | undefined): void {
    if (this.#control !== undefined && pid !== undefined)
      Atomics.compareExchange(this.#control, Control.process, pid, 0);
  }
}
