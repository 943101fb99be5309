import { readdirSync, readFileSync } from 'node:fs';

/** A part of docs/api.md: what a user looks for together. */
export interface Group {
  readonly title: string;
  readonly about: string;
  /** The classes whose members stand here, in this order. */
  readonly classes: readonly string[];
  /** What stands before a member's name in its title. */
  readonly prefix?: string;
  /** Whether a class is shown as one, not member by member. */
  readonly whole?: boolean;
}

/** The parts of docs/api.md, in order. */
export const groups: readonly Group[] = [
  { title: 'Context', about: 'The way in: `sc` in every example.', classes: ['MillraceContext'], prefix: 'sc.' },
  { title: 'Sources', about: 'Methods of the context that make an RDD.', classes: ['ContextSources'], prefix: 'sc.' },
  {
    title: 'Transformations',
    about: 'Methods of `RDD` that describe another RDD and run nothing.',
    classes: ['Transformations', 'Combinations'],
  },
  {
    title: 'Transformations of pairs',
    about:
      'For RDDs whose rows are pairs `[key, value]`; on other rows they do not compile. Some are actions: they give promises.',
    classes: ['PairOperations', 'PairJoins', 'PairPartitioning'],
  },
  {
    title: 'Actions',
    about: 'Methods of `RDD` that run the lineage; all give promises.',
    classes: ['Actions', 'FoldActions'],
  },
  { title: 'Actions on numbers', about: 'For RDDs of numbers.', classes: ['NumberActions'] },
  { title: 'Saving', about: 'Actions that write files.', classes: ['SaveActions'] },
  {
    title: 'What is kept and known of an RDD',
    about: 'What can be set and asked without an action.',
    classes: ['Persistence', 'RddCore'],
  },
  {
    title: 'Shared variables',
    about: 'What closures share with the program.',
    classes: ['Broadcast', 'Accumulator', 'NumberAccumulator'],
    whole: true,
  },
  {
    title: 'Partitioners',
    about: 'Who deals keys out to partitions.',
    classes: ['HashPartitioner', 'RangePartitioner', 'RoundRobinPartitioner', 'CustomPartitioner'],
    whole: true,
  },
  { title: 'Storage levels', about: 'Where `persist` keeps partitions.', classes: ['StorageLevel'], whole: true },
  {
    title: 'Statistics and status',
    about: 'What `stats` and `sc.statusTracker` give.',
    classes: ['StatCounter', 'StatusTracker'],
    whole: true,
  },
];

/** Types whose declaration a user looks up, with where it stands. */
export const types: readonly (readonly [name: string, file: string])[] = [
  ['ContextOptions', 'src/api/context-options.ts'],
  ['ActionOptions', 'src/api/rdd-core.ts'],
  ['FunctionOptions', 'src/api/rdd-core.ts'],
  ['SaveOptions', 'src/api/save-actions.ts'],
  ['TextOptions', 'src/data/io/source-spec.ts'],
  ['CsvOptions', 'src/data/io/csv/csv-options.ts'],
  ['JsonLinesOptions', 'src/data/io/source-spec.ts'],
  ['ParquetReadOptions', 'src/data/io/parquet/parquet-options.ts'],
  ['ParquetWriteOptions', 'src/data/io/parquet/write-options.ts'],
  ['RowOrder', 'src/api/fold-actions.ts'],
  ['Partitions', 'src/api/node-builder.ts'],
  ['JobInfo', 'src/api/status-tracker.ts'],
  ['StageInfo', 'src/api/status-tracker.ts'],
  ['EngineEvent', 'src/engine/protocol/events.ts'],
];

/** The files whose docstrings are the documentation of the API. */
export function publicFiles(): readonly string[] {
  const api = readdirSync('src/api').sort();
  return [
    ...api.map((file) => `src/api/${file}`),
    'src/plan/lineage/partitioner.ts',
    'src/plan/lineage/storage-level.ts',
    'src/base/errors.ts',
  ];
}

/** The text of a public file. */
export function sourceOf(file: string): string {
  return readFileSync(file, 'utf8');
}
