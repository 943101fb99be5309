import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { planSource, readSplit } from '../../../src/data/io/source.ts';
import type { PlanSettings, SourceSpec } from '../../../src/data/io/source-spec.ts';

/** A directory of this test file's own, removed when its tests have run. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-io-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function writeFile(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The rows of each split, as the engine would read them. */
export function readParts(source: SourceSpec, settings: Partial<PlanSettings> = {}): unknown[][] {
  const plan = planSource(source, { minPartitions: 1, ...settings });
  return structuredClone(plan.splits).map((split) => [...readSplit(plan.source, split, settings)].flat());
}

export function readRows(source: SourceSpec, settings: Partial<PlanSettings> = {}): unknown[] {
  return readParts(source, settings).flat();
}
