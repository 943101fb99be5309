import { failureInfo } from '../definition/failure-info.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { noCounts, type StepCounts } from '../definition/step-counts.ts';
import type { SkipRecord } from '../repository/execution-records.ts';
import type { InputEntry } from './chunk-input.ts';
import { type ChunkRange, isSkipped, type OpenChunk, type Skipped } from './open-chunk.ts';

const mostItemBytes = 8 * 1024;

/** What a range of a chunk adds to the step when it is committed. */
export interface RangeResults {
  readonly outputs: readonly unknown[];
  readonly delta: StepCounts;
  readonly skips: readonly SkipRecord[];
  /** The errors of the skips. */
  readonly errors: readonly unknown[];
}

/** Adds up the outcomes of a range: its outputs in order, its counts (ST-40) and its skipped items (ST-73). */
export function resultsOf(
  { entries, outcomes }: OpenChunk,
  { from, to }: ChunkRange,
  where: { readonly stepName: string; readonly partition?: number },
): RangeResults {
  const outputs: unknown[] = [];
  const delta = noCounts();
  const skips: SkipRecord[] = [];
  const errors: unknown[] = [];
  delta.commit = 1;
  for (let at = from; at < to; at++) {
    const [entry, outcome] = [entries[at], outcomes[at]];
    if (entry === undefined || outcome === undefined) continue;
    if (!entry.isReadSkip) delta.read += 1;
    if (isSkipped(outcome)) {
      delta.skip += outcome.outputs;
      if (outcome.phase === 'read') delta.readSkip += 1;
      else if (outcome.phase === 'process') delta.processSkip += 1;
      else delta.writeSkip += outcome.outputs;
      skips.push(skipRecord(entry, outcome, where));
      errors.push(outcome.error);
    } else if (outcome.length === 0) delta.filter += 1;
    else if (outcome.length === 1) outputs.push(outcome[0]);
    else for (const output of outcome) outputs.push(output);
  }
  delta.write = outputs.length;
  return { outputs, delta, skips, errors };
}

function skipRecord(
  { index, item, isReadSkip }: InputEntry,
  { phase, error }: Skipped,
  where: { readonly stepName: string; readonly partition?: number },
): SkipRecord {
  const text = isReadSkip ? undefined : itemText(item);
  const bytes = text === undefined ? undefined : Buffer.from(text);
  const truncated = bytes !== undefined && bytes.length > mostItemBytes;
  const cut = truncated ? wholeCharacters(bytes.subarray(0, mostItemBytes)) : text;
  const shown = cut === undefined ? {} : { item: truncated ? cut : (JSON.parse(cut) as JsonValue) };
  return { item: { ...where, phase, index, ...shown, truncated, error: failureInfo(error) }, itemText: cut };
}

/** Without a character that the end has cut in two. */
function wholeCharacters(bytes: Buffer): string {
  return bytes.toString().replace(/\ufffd+$/, '');
}

/** An item as JSON, or, when it is none, as the text that names it. */
function itemText(item: unknown): string | undefined {
  if (item === undefined) return undefined;
  try {
    const text = JSON.stringify(item, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) as
      | string
      | undefined;
    return text ?? JSON.stringify(String(item));
  } catch (error) {
    return JSON.stringify(`${String(item)} (no JSON: ${String(error)})`);
  }
}
