import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const fixtures = resolve(import.meta.dirname, 'fixtures');

export const dist: string = join(root, 'dist');
export const closureWorker: string = join(fixtures, 'closure-worker.mjs');

/** How a user may run a script. */
export type Environment = 'ESM' | 'CommonJS' | 'tsx, ESM' | 'tsx, CommonJS';
export const environments: readonly Environment[] = ['ESM', 'CommonJS', 'tsx, ESM', 'tsx, CommonJS'];

/** A folder with copies of the fixtures as a user of that environment would have them. */
export class UserFolder {
  readonly #directory: string;
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#directory = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-closures-')));
    const source = join(this.#directory, 'source');
    mkdirSync(source);
    cpSync(fixtures, source, { recursive: true });
    const type = environment.endsWith('CommonJS') ? 'commonjs' : 'module';
    writeFileSync(join(this.#directory, 'package.json'), JSON.stringify({ type }));
    symlinkSync(join(root, 'node_modules'), join(this.#directory, 'node_modules'));
    if (!environment.startsWith('tsx')) this.#compile(source);
  }

  /** What the script of that name prints; a name with an extension is run as it was written. */
  run(script: string, args: readonly string[] = [], nodeOptions: readonly string[] = []): string {
    const usesTsx = this.#environment.startsWith('tsx');
    const built = usesTsx ? join('source', `${script}.ts`) : join('built', `${script}.js`);
    const file = script.includes('.') ? join('source', script) : built;
    const options = usesTsx ? ['--import', 'tsx', ...nodeOptions] : nodeOptions;
    return execFileSync(process.execPath, [...options, file, ...args], {
      cwd: this.#directory,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
  }

  /** The absolute path of a file in the folder. */
  path(name: string): string {
    return join(this.#directory, name);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #compile(source: string): void {
    const config = {
      compilerOptions: {
        target: 'esnext',
        module: 'nodenext',
        rootDir: source,
        outDir: join(this.#directory, 'built'),
        rewriteRelativeImportExtensions: true,
        esModuleInterop: true,
        sourceMap: true,
        noCheck: true,
        types: [],
      },
      include: [join(source, '*.ts')],
    };
    const file = join(this.#directory, 'tsconfig.json');
    writeFileSync(file, JSON.stringify(config));
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', file], { stdio: 'inherit' });
  }
}
