import { Kysely } from 'kysely';
import { expect, it } from 'vitest';
import { kyselyDialect, kyselyInTransaction } from '../../../../src/jobs/repository/sql/kysely-dialect.ts';
import { openDatabase } from '../../../../src/jobs/repository/sql/open-database.ts';

interface Tables {
  readonly sale: { readonly id: number; readonly amount: number };
}

it('runs kysely over the connections of a database, in and out of transactions', async () => {
  const database = openDatabase('sqlite::memory:');
  const db = new Kysely<Tables>({ dialect: kyselyDialect(database) });
  await db.schema.createTable('sale').addColumn('id', 'integer').addColumn('amount', 'real').execute();
  await db.insertInto('sale').values({ id: 1, amount: 2.5 }).execute();
  await expect(
    db.transaction().execute(async (tx) => {
      await tx.insertInto('sale').values({ id: 2, amount: 1 }).execute();
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  const transaction = await database.begin();
  const inside = new Kysely<Tables>({ dialect: kyselyInTransaction(transaction) });
  const { numUpdatedRows } = await inside.updateTable('sale').set({ amount: 3 }).executeTakeFirstOrThrow();
  expect(numUpdatedRows).toBe(1n);
  await transaction.commit();
  expect(await db.selectFrom('sale').selectAll().execute()).toEqual([{ id: 1, amount: 3 }]);
  await db.destroy();
});
