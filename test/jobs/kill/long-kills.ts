import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Random } from '../../../src/base/random.ts';
import { openFileSystems } from '../../../src/data/io/remote/open-file-systems.ts';
import {
  firstMiddleLast,
  judge,
  KeyedReceiver,
  type Kill,
  type Outcome,
  runKilled,
  type Scenario,
  type Surroundings,
  twoAtATime,
} from './kill-runs.ts';

// npm run test:kill [-- sink ...]: every sink killed at each probe point, the first, the middle and the last time it is
// passed, with scans and with partitions; then at random moments. Prints what bench/RESULTS.md holds.

/** Less for a quick look. */
const randomKills = Number(process.env['MILLRACE_RANDOM_KILLS'] ?? 200);
const killsARun = 5;
const alone = [
  ...['table', 'upsert', 'transactional', 'otherTable'],
  ...['text', 'csv', 'jsonLines', 'gzip', 'json', 'xml', 'fixed', 'binary'],
  ...['s3', 'dataset', 'function', 'http'],
];
const partitioned = ['table', 'otherTable', 'jsonLines', 'json', 's3', 'function', 'http'];

interface Tally {
  readonly name: string;
  readonly atPoints: { kills: number; runs: number };
  readonly atRandom: { kills: number; runs: number };
  lost: number;
  doubled: number;
  readonly problems: string[];
}

const wanted = process.argv.slice(2);
const isWanted = (sink: string): boolean => wanted.length === 0 || wanted.includes(sink);
const receiver = await KeyedReceiver.start();
const around: Surroundings = isWanted('s3') ? { receiver, s3: await startS3() } : { receiver };
const tallies: Tally[] = [];
try {
  for (const [partitions, sinks] of [
    [0, alone],
    [3, partitioned],
  ] as const) {
    for (const sink of sinks.filter(isWanted)) tallies.push(await killEverywhere(sink, partitions));
  }
} finally {
  await receiver.close();
  if (around.s3 !== undefined) execFileSync(s3Script(), ['stop']);
}
report();
process.exitCode = tallies.some(({ problems }) => problems.length > 0) ? 1 : 0;

async function killEverywhere(sink: string, partitions: number): Promise<Tally> {
  const name = partitions === 0 ? sink : `${sink}, ${partitions} partitions`;
  const tally: Tally = {
    name,
    atPoints: { kills: 0, runs: 0 },
    atRandom: { kills: 0, runs: 0 },
    lost: 0,
    doubled: 0,
    problems: [],
  };
  const short: Scenario = { sink, isScanned: true, partitions, rows: partitions === 0 ? 40 : 20, itemMs: 0 };
  const quiet = await quietRun(short);
  const plans: Kill[] = Object.entries(quiet.answer.passed).flatMap(([point, passed]) =>
    firstMiddleLast(passed).map((nth) => ({ point, nth })),
  );
  await twoAtATime(plans, (kill) => count(tally, tally.atPoints, short, quiet, [kill]));

  const long: Scenario = { ...short, rows: partitions === 0 ? 200 : 70, itemMs: 1 };
  const quietLong = await quietRun(long);
  const random = new Random(tallies.length);
  const chains = Array.from({ length: Math.ceil(randomKills / killsARun) }, () =>
    Array.from({ length: killsARun }, (): Kill => ({ afterMs: Math.floor(random.next() * 250) })),
  );
  await twoAtATime(chains, (kills) => count(tally, tally.atRandom, long, quietLong, kills));
  // A kill that came after the end was none.
  while (tally.atRandom.kills < randomKills) {
    await count(tally, tally.atRandom, long, quietLong, [{ afterMs: Math.floor(random.next() * 100) }]);
  }
  say(
    `${name}: ${tally.atPoints.kills} kills at points, ${tally.atRandom.kills} at random, ${tally.problems.length} problems`,
  );
  for (const problem of tally.problems.slice(0, 5)) say(`  ${problem}`);
  return tally;
}

async function quietRun(scenario: Scenario): Promise<Outcome> {
  const quiet = await runKilled(scenario, [], around);
  const { problems } = judge(scenario, quiet, quiet);
  if (problems.length > 0) throw new Error(`${scenario.sink}, not killed: ${problems.join('; ')}`);
  return quiet;
}

async function count(
  tally: Tally,
  counted: { kills: number; runs: number },
  scenario: Scenario,
  quiet: Outcome,
  kills: readonly Kill[],
): Promise<void> {
  const outcome = await runKilled(scenario, kills, around);
  const { lost, doubled, problems } = judge(scenario, quiet, outcome);
  counted.kills += outcome.kills;
  counted.runs += 1;
  tally.lost += lost;
  tally.doubled += doubled;
  tally.problems.push(...problems.map((problem) => `${JSON.stringify(kills)}: ${problem}`));
}

function report(): void {
  say('\n| Sink | Kills at points | Kills at random | Items lost | Items doubled | Other differences |');
  say('|---|---|---|---|---|---|');
  for (const { name, atPoints, atRandom, lost, doubled, problems } of tallies) {
    say(`| ${name} | ${atPoints.kills} | ${atRandom.kills} | ${lost} | ${doubled} | ${problems.length} |`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function s3Script(): string {
  return resolve(import.meta.dirname, '../../services/s3.sh');
}

/** A server, a bucket, and a reader of the objects that a manifest names. */
async function startS3(): Promise<Surroundings['s3'] & object> {
  const output = execFileSync(s3Script(), ['start'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const setting = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(output)?.[1] ?? '';
  const credentials = { accessKeyId: setting('AWS_ACCESS_KEY_ID'), secretAccessKey: setting('AWS_SECRET_ACCESS_KEY') };
  const s3 = { endpoint: setting('S3_ENDPOINT'), region: setting('AWS_REGION'), forcePathStyle: true, credentials };
  const bucket = `kills-${randomUUID()}`;
  const client = new S3Client(s3);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const fileSystems = openFileSystems({ s3 });
  return {
    uri: `s3://${bucket}`,
    env: { KILLED_JOB_S3: JSON.stringify(s3) },
    published(uri) {
      const store = fileSystems.of(uri);
      const names = store.listRecursive(uri).map((status) => status.uri.slice(uri.length + 1));
      const read = (name: string): Buffer => {
        const file = store.openRead(`${uri}/${name}`);
        const bytes = Buffer.alloc(file.sizeBytes);
        file.readInto(bytes, 0);
        file.close();
        return bytes;
      };
      const { objects } = JSON.parse(read('_manifest.json').toString()) as { objects: { name: string }[] };
      const whole = Buffer.concat(objects.map(({ name }) => read(name)));
      return new Map([
        ['objects', whole],
        [
          'names',
          Buffer.from(`${names.length - objects.length} others: ${names.filter((name) => name.startsWith('_'))}`),
        ],
      ]);
    },
  };
}
