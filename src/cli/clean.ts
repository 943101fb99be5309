import { parseArgs } from 'node:util';
import { MillraceError } from '../base/errors.ts';
import { cleanOutput } from '../data/io/clean-output.ts';
import { openFileSystems } from '../data/io/remote/open-file-systems.ts';

const usage = `millrace clean <path>... [options]

Clears up what writers that died left behind at an output, or at all outputs in a directory: finishes a commit that was
cut off after its decision, removes what was staged and never committed, aborts pending uploads. What a living writer is
using stays. The next write to an output does the same for that output.

  <path>                    a path, a file: URI or an s3: URI
  --dry-run                 only say what would be done
  --abandoned-after <hours> writers on other machines that gave no sign of life for so long count as dead (default 24)
  --s3-endpoint <url>       a store other than AWS
  --s3-region <name>
  --s3-path-style           the bucket in the path, not in the host name
  --s3-no-conditional-writes  the store does not honour If-None-Match

Credentials for S3 are found as the AWS SDK finds them: environment, shared files, roles.
`;

const flags = {
  'dry-run': { type: 'boolean' },
  'abandoned-after': { type: 'string' },
  's3-endpoint': { type: 'string' },
  's3-region': { type: 'string' },
  's3-path-style': { type: 'boolean' },
  's3-no-conditional-writes': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `millrace clean`. @returns the exit code: 0, 1 when something failed, 2 when the arguments make no sense */
export function runClean(args: readonly string[]): number {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return refuse((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals.length === 0) return refuse('no path was given.');
  const hours = Number(values['abandoned-after'] ?? 24);
  if (!(hours >= 0)) return refuse(`--abandoned-after must be a number of hours, got "${values['abandoned-after']}".`);
  const fileSystems = openFileSystems({
    s3: {
      endpoint: values['s3-endpoint'],
      region: values['s3-region'],
      forcePathStyle: values['s3-path-style'],
      conditionalWrites: values['s3-no-conditional-writes'] ? false : undefined,
    },
  });
  const settings = { fileSystems, dryRun: values['dry-run'], abandonedAfterMs: hours * 3_600_000 };
  let exitCode = 0;
  try {
    for (const path of positionals)
      try {
        const done = cleanOutput(path, settings);
        const mark = settings.dryRun ? 'would have ' : '';
        for (const { what, path: at } of done) process.stdout.write(`${mark}${what} ${at}\n`);
        if (done.length === 0) process.stdout.write(`nothing to clear up at ${path}\n`);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        process.stderr.write(`millrace clean: ${error.message} (${error.code})\n`);
        exitCode = 1;
      }
  } finally {
    fileSystems.close();
  }
  return exitCode;
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true });
}

function refuse(message: string): number {
  process.stderr.write(`millrace clean: ${message}\n\n${usage}`);
  return 2;
}
