import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Turn } from './serve.ts';

export interface ContenderPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Fewer runs than the others: for those that take minutes. */
  readonly runs?: number;
}

/** A program of its own process that runs its query when asked to. */
export class Contender {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  private constructor(name: string, process: ChildProcess, answers: AsyncIterator<string>) {
    this.name = name;
    this.#process = process;
    this.#answers = answers;
    this.#ended = once(process, 'exit');
  }

  /** Starts the program and waits until it is ready: threads started, data that belongs to it in memory. */
  static async start(plan: ContenderPlan): Promise<Contender> {
    const child = spawn(plan.command, plan.args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...plan.env },
    });
    await once(child, 'spawn');
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const contender = new Contender(plan.name, child, answers);
    await contender.#answer();
    return contender;
  }

  async run(): Promise<Turn> {
    this.#process.stdin?.write('run\n');
    return (await this.#answer()) as Turn;
  }

  async stop(): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.name} ended before it answered`);
    return JSON.parse(value);
  }
}
