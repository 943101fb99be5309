import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Bar, Measurement, Scenario } from './scenario.ts';

const path = 'bench/RESULTS.md';

function milliseconds(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString('en-US')} ms`;
}

/** A bar beside what was measured. */
export interface Verdict {
  readonly text: string;
  readonly holds: boolean;
}

export function verdict(holds: boolean, text: string): Verdict {
  return { text: `${holds ? 'met' : 'MISSED'}: ${text}`, holds };
}

export function judge(bars: readonly Bar[], results: readonly Measurement[]): Verdict[] {
  const medianOf = (name: string, by: Bar['by']): number => {
    const found = results.find((result) => result.name === name);
    if (found === undefined) throw new Error(`no contender "${name}"`);
    return by === 'cpu' ? (found.cpuMs ?? Number.NaN) : found.medianMs;
  };
  return bars.map(({ faster, slower, atLeast, by }) => {
    const ratio = medianOf(slower, by) / medianOf(faster, by);
    const how = by === 'cpu' ? ', by CPU' : '';
    return verdict(
      ratio >= atLeast,
      `${faster} is ${ratio.toFixed(2)} times as fast as ${slower}${how} (bar: ${Number(atLeast.toFixed(2))})`,
    );
  });
}

/** Verdicts as a Markdown list. */
export function list(verdicts: readonly Verdict[]): string {
  return verdicts.map(({ text }) => `- ${text}\n`).join('');
}

/** A scenario's description, table and verdicts, as Markdown. */
export function scenarioSection(
  scenario: Scenario,
  results: readonly Measurement[],
  verdicts: readonly Verdict[],
): string {
  const { rows, bytes } = scenario;
  const best = Math.min(...results.map((result) => result.medianMs));
  const lines = results.map(({ name, medianMs, cpuMs, minMs, maxMs, runs, firstMs }) => {
    const cells = [
      name,
      milliseconds(medianMs),
      `${milliseconds(minMs)} to ${milliseconds(maxMs)}`,
      runs,
      milliseconds(firstMs),
      cpuMs === undefined ? '' : milliseconds(cpuMs),
      (rows / medianMs / 1000).toFixed(1),
      bytes === 0 ? '' : Math.round(bytes / medianMs / 1000).toLocaleString('en-US'),
      (medianMs / best).toFixed(2),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return `### ${scenario.name}

${scenario.description}

| | median | spread | runs | first run | CPU | million rows/s | MB/s | times the fastest |
|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}

${list(verdicts)}`;
}

/** The machine and the versions that the numbers were taken with. */
export function environment(): string {
  const gxx = execFileSync('g++', ['-dumpfullversion'], { encoding: 'utf8' }).trim();
  return `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, g++ ${gxx}, ${new Date().toISOString().slice(0, 10)}.`;
}

/** Replaces, or appends, the part of bench/RESULTS.md between the markers of `name`. */
export function writeSection(name: string, markdown: string): void {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const file = readFileSync(path, 'utf8');
  const from = file.indexOf(begin);
  const to = file.indexOf(end);
  const section = `${begin}\n${markdown.trim()}\n${end}`;
  writeFileSync(
    path,
    from < 0 ? `${file.trimEnd()}\n\n${section}\n` : file.slice(0, from) + section + file.slice(to + end.length),
  );
}
