// What went wrong, how often and how slowly: node dist-examples/log-analysis.js [file, folder or pattern]
import { MillraceContext } from 'millrace';

const path = process.argv[2] ?? 'examples/data/app.log';
const entry = /\b(DEBUG|INFO|WARN|ERROR|FATAL)\b[\]:]*\s+(.*)$/;

/** Level, message without its key=value fields, and duration of a log line. */
function parse(line: string): { level: string; message: string; ms: number | null } | null {
  const match = entry.exec(line);
  if (match === null) return null;
  const [, level = '', rest = ''] = match;
  const ms = / ms=(\d+)/.exec(rest)?.[1];
  return { level, message: rest.replace(/ \w+=\S+/g, ''), ms: ms === undefined ? null : Number(ms) };
}

await using sc = await MillraceContext.create({ appName: 'log analysis' });
const unread = sc.accumulator(0);
const entries = sc
  .textFile(path)
  .flatMap((line) => {
    const parsed = parse(line);
    if (parsed === null && line !== '') unread.add(1);
    return parsed === null ? [] : [parsed];
  })
  .cache();

console.log(`${await entries.count()} entries in ${path}, ${unread.value} lines that are none. By level:`);
const levels = await entries
  .map(({ level }) => [level, 1] as const)
  .reduceByKey((a, b) => a + b)
  .sortBy(([level, count]) => [-count, level])
  .collect();
for (const [level, count] of levels) console.log(`${String(count).padStart(8)}  ${level}`);

console.log('Most frequent errors:');
const errors = await entries
  .filter(({ level }) => level === 'ERROR' || level === 'FATAL')
  .map(({ message }) => [message, 1] as const)
  .reduceByKey((a, b) => a + b)
  .sortBy(([message, count]) => [-count, message])
  .take(5);
for (const [message, count] of errors) console.log(`${String(count).padStart(8)}  ${message}`);

console.log('Slowest by level, mean and maximum in ms:');
const durations = await entries
  .flatMap(({ level, ms }) => (ms === null ? [] : [[level, ms] as const]))
  .aggregateByKey(
    { count: 0, sum: 0, max: 0 },
    (state, ms) => ({ count: state.count + 1, sum: state.sum + ms, max: Math.max(state.max, ms) }),
    (a, b) => ({ count: a.count + b.count, sum: a.sum + b.sum, max: Math.max(a.max, b.max) }),
  )
  .mapValues(({ count, sum, max }) => ({ mean: sum / count, max }))
  .sortBy(([, { mean }]) => mean, false)
  .collect();
for (const [level, { mean, max }] of durations)
  console.log(`${mean.toFixed(1).padStart(8)}  ${String(max).padStart(6)}  ${level}`);
