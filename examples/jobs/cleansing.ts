// Cleansing, then aggregation by category; raw records are not aggregated. node dist-examples/jobs/cleansing.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobOperator, job, jsonLinesReader, jsonLinesWriter } from 'millrace/jobs';

interface RawRecord {
  readonly id: number;
  readonly category: string;
  readonly amount: number;
}
interface CleanRecord extends RawRecord {
  readonly isClean: true;
}

const folder = await mkdtemp(join(tmpdir(), 'cleansing-'));
const [raw, clean] = [join(folder, 'raw.ndjson'), join(folder, 'clean.ndjson')];
const records = Array.from({ length: 1000 }, (_, i): RawRecord => {
  return { id: i, category: `category-${i % 5}`, amount: i * 15.5 - (i % 10 === 0 ? 100 : 0) };
});
const sums = new Map<string, number>();

const cleansing = job<{ input: 'raw' | 'clean' }>('Cleansing')
  .step('store', (s) => s.read(records).write(jsonLinesWriter(raw, { mode: 'overwrite' })))
  .step('cleanse', (s) =>
    s
      .read(jsonLinesReader<RawRecord>(raw))
      .process((record): CleanRecord => ({ ...record, amount: Math.max(0, record.amount), isClean: true }))
      .write(jsonLinesWriter(clean, { mode: 'overwrite' })),
  )
  .step('aggregate', (s) =>
    s
      .read((c) => jsonLinesReader<CleanRecord>(c.parameters.input === 'raw' ? raw : clean))
      .filter((record) => record.isClean)
      .write((items) => {
        for (const { category, amount } of items) sums.set(category, (sums.get(category) ?? 0) + amount);
      }),
  );

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
for (const input of ['clean', 'raw'] as const) {
  const { steps } = await operator.run(cleansing, { input });
  for (const { name, counts } of steps.slice(1))
    console.log(`${input}, ${name}: ${counts.write} written, ${counts.filter} filtered`);
}
for (const [category, sum] of sums) console.log(`  ${category}: ${sum}`);
await rm(folder, { recursive: true });
