import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Bar, Measurement, Scenario } from './scenario.ts';

const path = 'bench/RESULTS.md';

function milliseconds(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString('en-US')} ms`;
}

/** Each bar with what was measured; `holds` is false for the first one missed. */
export function judge(bars: readonly Bar[], results: readonly Measurement[]): { text: string; holds: boolean }[] {
  const medianOf = (name: string): number => {
    const found = results.find((result) => result.name === name);
    if (found === undefined) throw new Error(`no contender "${name}"`);
    return found.medianMs;
  };
  return bars.map(({ faster, slower, atLeast }) => {
    const ratio = medianOf(slower) / medianOf(faster);
    const holds = ratio >= atLeast;
    return {
      text: `${holds ? 'met' : 'MISSED'}: ${faster} is ${ratio.toFixed(2)} times as fast as ${slower} (bar: ${atLeast})`,
      holds,
    };
  });
}

/** A scenario's table, as Markdown. */
export function table(scenario: Scenario, results: readonly Measurement[]): string {
  const { rows, bytes } = scenario;
  const best = Math.min(...results.map((result) => result.medianMs));
  const lines = results.map((result) => {
    const rate = Math.round(rows / result.medianMs / 100) / 10;
    const megabytes = bytes === 0 ? '' : Math.round(bytes / 1000 / result.medianMs).toLocaleString('en-US');
    const times = (result.medianMs / best).toFixed(2);
    return `| ${result.name} | ${milliseconds(result.medianMs)} | ${milliseconds(result.minMs)} to ${milliseconds(result.maxMs)} | ${result.runs} | ${milliseconds(result.firstMs)} | ${rate.toFixed(1)} | ${megabytes} | ${times} |`;
  });
  return `### ${scenario.name}

${scenario.description}

| | median | spread | runs | first run | million rows/s | MB/s | times the fastest |
|---|---|---|---|---|---|---|---|
${lines.join('\n')}

${judge(scenario.bars, results)
  .map(({ text }) => `- ${text}`)
  .join('\n')}
`;
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
