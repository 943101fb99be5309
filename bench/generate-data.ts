// npm run data -- --size 300mb [--out bench/data] [--kind words|logs|sales] [--rows n] [--seed n]
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MillraceContext } from 'millrace';
import { writeLogs } from './generate/logs.ts';
import { OutputFile } from './generate/output-file.ts';
import { saleOf, writeSalesCsv, writeSalesJsonLines } from './generate/sales.ts';
import { parseSize } from './generate/size.ts';
import { writeWords } from './generate/words.ts';

const usage = `npm run data -- --size 300mb [--out bench/data] [--kind words|logs|sales] [--rows n] [--seed n]

  --size  bytes of each file, as 300mb, 1.5gb or 4096; of the sales, the size of the CSV
  --rows  instead of a size: this many sales
  --kind  words: words.txt, Zipf-distributed words in lines
          logs:  logs.log, an application log
          sales: sales.csv, and the same sales in sales.jsonl and sales.parquet, a folder
          all of them when left out
  --out   the folder, made when it is missing (bench/data)
  --seed  another seed makes other words and logs (1); sale i is always the same
`;

const kinds = ['words', 'logs', 'sales'] as const;
type Kind = (typeof kinds)[number];

interface Wish {
  readonly out: string;
  readonly kinds: readonly Kind[];
  readonly sizeBytes: number;
  readonly rows: number;
  readonly seed: number;
}

function integer(option: string, text: string, least: number): number {
  if (!/^\d+$/.test(text) || Number(text) < least || !Number.isSafeInteger(Number(text)))
    throw new Error(`${option} must be an integer of at least ${least}, got "${text}".`);
  return Number(text);
}

function parseWish(): Wish {
  const { values } = parseArgs({
    options: {
      size: { type: 'string' },
      rows: { type: 'string' },
      kind: { type: 'string' },
      out: { type: 'string', default: 'bench/data' },
      seed: { type: 'string', default: '1' },
    },
  });
  const kind = kinds.find((name) => name === values.kind);
  if (values.kind !== undefined && kind === undefined)
    throw new Error(`--kind must be one of ${kinds.join(', ')}, got "${values.kind}".`);
  if ((values.size === undefined) === (values.rows === undefined))
    throw new Error('Give either --size or, with --kind sales, --rows.');
  if (values.rows !== undefined && kind !== 'sales') throw new Error('--rows needs --kind sales.');
  return {
    out: values.out,
    kinds: kind === undefined ? kinds : [kind],
    sizeBytes: values.size === undefined ? Number.POSITIVE_INFINITY : parseSize(values.size),
    rows: values.rows === undefined ? Number.POSITIVE_INFINITY : integer('--rows', values.rows, 1),
    seed: integer('--seed', values.seed, 0),
  };
}

/** Writes one file and says what it became. */
function make<T>(path: string, write: (file: OutputFile) => T): T {
  const begun = performance.now();
  const file = new OutputFile(path);
  const result = write(file);
  file.close();
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${path}  ${(statSync(path).size / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s`);
  return result;
}

/** A million sales a part file, whatever the machine. */
async function writeSalesParquet(path: string, rows: number): Promise<void> {
  const begun = performance.now();
  await using sc = await MillraceContext.create({ appName: 'sales', progress: false });
  const { sizeBytes } = await sc
    .range(0, rows, 1, Math.ceil(rows / 1e6))
    .map(saleOf)
    .saveAsParquet(path, { mode: 'overwrite' });
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${path}  ${(sizeBytes / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s`);
}

async function generate(wish: Wish): Promise<void> {
  mkdirSync(wish.out, { recursive: true });
  if (wish.kinds.includes('words'))
    make(join(wish.out, 'words.txt'), (file) => writeWords(file, wish.sizeBytes, wish.seed));
  if (wish.kinds.includes('logs'))
    make(join(wish.out, 'logs.log'), (file) => writeLogs(file, wish.sizeBytes, wish.seed));
  if (wish.kinds.includes('sales')) {
    const rows = make(join(wish.out, 'sales.csv'), (file) => writeSalesCsv(file, wish));
    make(join(wish.out, 'sales.jsonl'), (file) => writeSalesJsonLines(file, rows));
    await writeSalesParquet(join(wish.out, 'sales.parquet'), rows);
  }
}

/** What was asked for, or undefined after telling what is wrong with it. */
function readWish(): Wish | undefined {
  try {
    return parseWish();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return undefined;
  }
}

const wish = readWish();
if (wish !== undefined) await generate(wish);
