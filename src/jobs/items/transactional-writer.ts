import type { SqlSession } from '../definition/data-source.ts';
import type { ChunkWrite, ItemWriter } from '../definition/item-writer.ts';
import { checkFunctionOption } from './option-checks.ts';
import { transactionOf } from './table-writer.ts';

/** Your own SQL inside the chunk transaction: exactly once, for it is committed together with the checkpoint. */
export function transactionalWriter<O>(
  write: (items: readonly O[], tx: SqlSession, chunk: ChunkWrite) => void | Promise<void>,
): ItemWriter<O> {
  checkFunctionOption('transactionalWriter', 'its argument', write);
  return {
    guarantee: 'exactlyOnce',
    transactional: true,
    open: () => ({ write: (items, chunk) => write(items, transactionOf(chunk), chunk) }),
  };
}
