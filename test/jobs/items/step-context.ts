import type { DataSource } from '../../../src/jobs/definition/data-source.ts';
import type { ItemReader, ItemStream } from '../../../src/jobs/definition/item-reader.ts';
import type { JsonValue } from '../../../src/jobs/definition/json-value.ts';
import type { StepContext } from '../../../src/jobs/definition/step-context.ts';

/** A step context with nothing behind it, for readers and writers on their own. */
export function stepContext(given: Partial<StepContext<object, object>> = {}): StepContext<object, object> {
  return {
    parameters: {},
    attempt: 1,
    isRestart: false,
    createTime: new Date(0),
    jobName: 'job',
    stepName: 'step',
    instanceId: 'instance',
    executionId: 'execution',
    stepExecutionId: 'step-execution',
    signal: new AbortController().signal,
    dataSource: undefined as unknown as DataSource,
    millrace: () => Promise.reject(new Error('no engine here')),
    ...given,
  } as StepContext<object, object>;
}

export interface ReadAll<I> {
  readonly items: I[];
  readonly errors: { readonly code?: string; readonly message: string }[];
  /** The position before each read and how many items came before it. */
  readonly positions: { readonly position: JsonValue; readonly items: number; readonly errors: number }[];
}

const mostReads = 100_000;

/** Reads to the end, `size` items a call, going on behind errors of records. */
export async function readAll<I>(
  reader: ItemReader<I>,
  size: number,
  position?: JsonValue,
  context: StepContext<object, object> = stepContext(),
): Promise<ReadAll<I>> {
  const stream: ItemStream<I> = await reader.open(position, context);
  const result: ReadAll<I> = { items: [], errors: [], positions: [] };
  try {
    for (let reads = 0; reads < mostReads; reads++) {
      const before: JsonValue = JSON.parse(JSON.stringify(stream.position()));
      result.positions.push({ position: before, items: result.items.length, errors: result.errors.length });
      let batch: readonly I[];
      try {
        batch = await stream.read(size);
      } catch (error) {
        result.errors.push(error as Error);
        continue;
      }
      if (batch.length === 0) return result;
      if (batch.length > size) throw new Error(`asked for ${size} items and got ${batch.length}`);
      result.items.push(...batch);
    }
    throw new Error('the stream does not end');
  } finally {
    await stream.close?.();
  }
}
