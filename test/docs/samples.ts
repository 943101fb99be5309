import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MillraceContext } from 'millrace';

const texts: Readonly<Record<string, string>> = {
  'books/fable.txt': 'the mill turns\nthe race runs\n',
  'books/poem.txt': 'water and wheel\n',
  'data/sales.csv': 'day,category,price\n2026-01-01,books,12.5\n2026-01-01,music,8\n2026-01-02,books,30\n',
  'data/events.jsonl': '{"user":"ann","ms":12}\n{"user":"bob","ms":7}\n{"user":"ann","ms":30}\n',
};

/** Writes the files that the examples of the documentation read, below `folder`. */
export async function writeSamples(folder: string, sc: MillraceContext): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  writeFileSync(join(folder, 'data/words.bin'), Buffer.from('millrace'));
  const users = sc.parallelize(
    [
      { id: 1, name: 'Ann', city: 'Bonn' },
      { id: 2, name: 'Bob', city: 'Lyon' },
    ],
    1,
  );
  await users.saveAsParquet(join(folder, 'data/users.parquet'));
  await users.saveAsArrow(join(folder, 'data/users.arrow'));
}
