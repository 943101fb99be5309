import { statSync } from 'node:fs';
import type { ContenderPlan } from './harness/contender.ts';
import type { Bar, Scenario } from './harness/scenario.ts';

/** The data that the scenarios run over. */
export interface Inputs {
  readonly words: string;
  readonly wordCount: number;
  readonly salesCsv: string;
  readonly sales: number;
}

const native = (query: string, threads: number, args: readonly string[]): ContenderPlan => ({
  name: threads === 1 ? 'C++, 1 thread' : `C++, ${threads} threads`,
  command: 'native-bench/build/native-bench',
  args: [query, '--serve', '--threads', String(threads), ...args],
});

const millrace = (query: string, input: string, workers: number): ContenderPlan => ({
  name: workers === 1 ? 'millrace, 1 worker' : `millrace, ${workers} workers`,
  command: process.execPath,
  args: ['dist-bench/contenders/millrace.js', query, input, String(workers)],
});

const twoWorkers: Bar = { faster: 'millrace, 2 workers', slower: 'millrace, 1 worker', atLeast: 1.6 };

const plainJs = (query: string, input: string, name = 'plain JS'): ContenderPlan => ({
  name,
  command: process.execPath,
  args: ['dist-bench/contenders/plain-js.js', query, input],
});

const skale = (query: string, input: string): ContenderPlan => ({
  name: 'skale 1.2.2, 2 workers',
  command: process.execPath,
  args: ['--no-warnings', 'dist-bench/contenders/skale.js', query, input],
  env: { SKALE_WORKERS: '2', AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1' },
  runs: 2,
});

export function scenarios(inputs: Inputs): Scenario[] {
  const { words, salesCsv, sales } = inputs;
  return [
    {
      name: 'word count',
      description: `Words between blanks: \`flatMap(split(' '))\`, \`filter\`, \`map\` to pairs, \`reduceByKey\`, all counts to the driver. Rows are words.`,
      rows: inputs.wordCount,
      bytes: statSync(words).size,
      contenders: [
        millrace('word-count', words, 1),
        millrace('word-count', words, 2),
        plainJs('word-count', words),
        plainJs('word-count-readline', words, 'plain JS, readline'),
        skale('word-count', words),
        native('word-count', 1, ['--input', words]),
        native('word-count', 2, ['--input', words]),
      ],
      bars: [
        twoWorkers,
        { faster: 'millrace, 2 workers', slower: 'plain JS', atLeast: 1.5 },
        { faster: 'millrace, 2 workers', slower: 'skale 1.2.2, 2 workers', atLeast: 5 },
      ],
    },
    {
      name: 'token count',
      description: 'The same with `toLowerCase().split(/\\W+/)`.',
      rows: inputs.wordCount,
      bytes: statSync(words).size,
      contenders: [
        millrace('token-count', words, 1),
        millrace('token-count', words, 2),
        plainJs('token-count', words),
        native('token-count', 1, ['--input', words]),
        native('token-count', 2, ['--input', words]),
      ],
      bars: [twoWorkers],
    },
    {
      name: 'sales by category',
      description:
        'Sales made from their number in memory, `[category, quantity * cents]`, summed by category (8 of them, skewed).',
      rows: sales,
      bytes: 0,
      contenders: [
        millrace('sales', String(sales), 1),
        millrace('sales', String(sales), 2),
        plainJs('sales', String(sales)),
        native('sales', 1, ['--rows', String(sales)]),
        native('sales', 2, ['--rows', String(sales)]),
      ],
      bars: [twoWorkers],
    },
    {
      name: 'sales by category from CSV',
      description: 'The same sales read from a CSV file of seven columns.',
      rows: sales,
      bytes: statSync(salesCsv).size,
      contenders: [
        millrace('sales-csv', salesCsv, 1),
        millrace('sales-csv', salesCsv, 2),
        plainJs('sales-csv', salesCsv),
        skale('sales-csv', salesCsv),
        native('sales-csv', 1, ['--input', salesCsv]),
        native('sales-csv', 2, ['--input', salesCsv]),
      ],
      bars: [twoWorkers],
    },
  ];
}
