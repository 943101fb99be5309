import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutputSpec } from '../../data/io/output-spec.ts';

/** What all actions have in common that some work starts, however deep in its calls: those of a step of a job. */
export interface ActionScope {
  /** Ends them. */
  readonly signal: AbortSignal;
  /** Their pool, where they name none. */
  readonly pool: string;
  /** Throws where they may not write so. */
  checkOutput(output: OutputSpec): void;
  /** Called in the call that starts one, before any event about it. */
  onAction(actionId: number): void;
}

const scopes = new AsyncLocalStorage<ActionScope>();

/** Runs `work`; the actions that it starts are in the scope. */
export function inActionScope<T>(scope: ActionScope, work: () => T): T {
  return scopes.run(scope, work);
}

/** The scope of whoever asks; undefined: none. */
export function actionScope(): ActionScope | undefined {
  return scopes.getStore();
}
