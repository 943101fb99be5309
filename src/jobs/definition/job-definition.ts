import { MillraceError } from '../../base/errors.ts';
import type { AnyJob, Job, JobOptions, StepOptions } from './job.ts';
import { checkGraph } from './job-graph.ts';
import type { JobParameters } from './job-parameters.ts';
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from './standard-schema.ts';
import { buildStep } from './step-assembly.ts';
import {
  isDuration,
  isName,
  type JobDefinition,
  type JobListener,
  type StepDefinition,
  wrongListener,
} from './step-definition.ts';

type AnyOptions = JobOptions<never> & { readonly parameters?: StandardSchemaV1 };
// biome-ignore lint/suspicious/noExplicitAny: inside, steps have lost their types
type AnyStepOptions = StepOptions<any, any>;

/**
 * A new job without steps.
 *
 * @param options.parameters a schema (Zod, Valibot, ArkType ...) that checks and converts what a launch gives
 * @throws {MillraceError} MR_JOB_DEFINITION
 *
 * @example
 * ```ts
 * import { JobOperator, job } from 'millrace/jobs';
 * const hello = job<{ name: string }>('hello').step('greet', (s) => s.task((c) => `Hello ${c.parameters.name}`));
 * const operator = await JobOperator.create({ repository: 'sqlite::memory:' });
 * console.log((await operator.run(hello, { name: 'Ada' })).steps[0]?.result); // Hello Ada
 * await operator.close();
 * ```
 */
export function job<S extends StandardSchemaV1>(
  name: string,
  options: JobOptions<SchemaOutput<S>> & { readonly parameters: S },
  // biome-ignore lint/complexity/noBannedTypes: no step yet
): Job<SchemaOutput<S>, {}, SchemaInput<S>>;
// biome-ignore lint/complexity/noBannedTypes: no step yet
export function job<P extends object = JobParameters>(name: string, options?: JobOptions<P>): Job<P, {}, P>;
export function job(name: string, options: AnyOptions = {}): AnyJob {
  if (!isName(name)) {
    throw invalidJob(String(name), 'a job needs a name of 1 to 100 characters, none of them NUL');
  }
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    throw invalidJob(name, `timeoutMs must be more than 0, got ${timeoutMs}`);
  }
  const { identity } = options;
  if (identity !== undefined && !(Array.isArray(identity) && identity.every((each) => typeof each === 'string'))) {
    throw invalidJob(name, 'identity must be an array of parameter names');
  }
  if (options.parameters !== undefined && typeof options.parameters?.['~standard']?.validate !== 'function') {
    throw invalidJob(name, 'parameters must be a Standard Schema: of Zod, Valibot, ArkType or your own');
  }
  return new DefinedJob({
    name,
    identity: options.identity,
    schema: options.parameters,
    restartable: options.restartable ?? true,
    parallel: options.parallel ?? false,
    failFast: options.failFast ?? false,
    timeoutMs,
    requireIdempotent: options.requireIdempotent ?? false,
    steps: [],
    listeners: [],
  }) as unknown as AnyJob;
}

/** The definition inside a job. @throws {MillraceError} MR_JOB_DEFINITION when it is none of ours */
export function definitionOf(value: unknown): JobDefinition {
  if (value instanceof DefinedJob) return value.definition;
  throw new MillraceError('MR_JOB_DEFINITION', `${String(value)} is no job. Make one with job(name).step(...).`);
}

function invalidJob(name: string, what: string): MillraceError {
  return new MillraceError('MR_JOB_DEFINITION', `job "${name}": ${what}.`, { details: { job: name } });
}

class DefinedJob {
  readonly #definition: JobDefinition;

  constructor(definition: JobDefinition) {
    this.#definition = Object.freeze(definition);
    Object.freeze(this);
  }

  get name(): string {
    return this.#definition.name;
  }

  get definition(): JobDefinition {
    return this.#definition;
  }

  step(name: string, build: (s: never) => object, options: AnyStepOptions = {}): DefinedJob {
    const { steps, parallel } = this.#definition;
    const before = steps.at(-1);
    const after = options.after ?? (parallel || before === undefined ? [] : [before.name]);
    return this.#with([this.#build(name, build, { ...options, after })]);
  }

  steps(group: Readonly<Record<string, AnyStepOptions & { readonly step: (s: never) => object }>>): DefinedJob {
    return this.#with(
      Object.entries(group).map(([name, { step, ...options }]) =>
        this.#build(name, step, { ...options, after: options.after ?? [] }),
      ),
    );
  }

  listen(listener: JobListener): DefinedJob {
    const wrong = wrongListener(listener, ['beforeJob', 'afterJob']);
    if (wrong !== undefined) throw invalidJob(this.name, wrong);
    return new DefinedJob({ ...this.#definition, listeners: [...this.#definition.listeners, listener] });
  }

  toString(): string {
    return `job "${this.name}"`;
  }

  #build(
    name: string,
    build: (s: never) => object,
    options: AnyStepOptions & { after: readonly string[] },
  ): StepDefinition {
    return buildStep(this.#definition, name, build, options);
  }

  #with(added: readonly StepDefinition[]): DefinedJob {
    const definition = this.#definition;
    checkGraph(definition.name, definition.steps, added);
    return new DefinedJob({ ...definition, steps: Object.freeze([...definition.steps, ...added]) });
  }
}
