import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const built = pathToFileURL(resolve(import.meta.dirname, '../../../dist/jobs/index.js')).href;

/** A process that launches one instance of a job when told to, and lets it fail when told to. */
const program = `
const { JobOperator, job } = await import('${built}');
const [repository, jobName] = process.argv.slice(1);
let release = () => undefined;
const racing = job(jobName).step('wait', (s) =>
  s.task(async () => {
    await new Promise((resolve) => { release = resolve; });
    throw new Error('to be restarted');
  }),
);
const operator = await JobOperator.create({ repository, jobs: [], signals: false });
let handle;
const orders = {
  async launch() {
    try {
      handle = await operator.launch(racing, { day: 'x' });
      return { executionId: handle.executionId };
    } catch (error) {
      return { code: error.code ?? String(error.stack), running: error.details?.executionId };
    }
  },
  async release() {
    while ((await operator.repository.execution(handle.executionId)).steps.length === 0) await new Promise((r) => setTimeout(r, 1));
    release();
    return { status: (await handle.finished()).status };
  },
  async stop() {
    await operator.close();
    setImmediate(() => process.disconnect());
    return {};
  },
};
process.on('message', async (order) => process.send(await orders[order]()));
process.send({});
`;

export interface RaceAnswer {
  readonly executionId?: string;
  readonly code?: string;
  readonly running?: string;
  readonly status?: string;
}

export class RacingLauncher {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(repository: string, jobName: string): Promise<RacingLauncher> {
    const args = ['--input-type=module', '-e', program, repository, jobName];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new RacingLauncher(child);
  }

  async order(order: 'launch' | 'release' | 'stop'): Promise<RaceAnswer> {
    this.#process.send(order);
    const [answer] = (await once(this.#process, 'message')) as [RaceAnswer];
    return answer;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
