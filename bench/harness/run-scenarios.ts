import { judge, scenarioSection, type Verdict } from './report.ts';
import { type Measurement, measure, type Scenario } from './scenario.ts';

/** What was asked for on the command line. */
export interface BenchSettings {
  /** Little data, one run, nothing judged: whether all of it works. */
  readonly isSmoke: boolean;
  readonly runs: number;
  /** The only scenario to run. */
  readonly only: string | undefined;
}

/** A part of the report. */
export interface PartReport {
  readonly sections: readonly string[];
  readonly verdicts: readonly Verdict[];
}

/** A scenario with bars that are more than one contender beside another. */
export interface JudgedScenario {
  readonly scenario: Scenario;
  readonly limits?: (results: readonly Measurement[]) => readonly Verdict[] | Promise<readonly Verdict[]>;
}

/** Runs the scenarios one after the other and prints the section of each. */
export async function runScenarios(
  scenarios: readonly JudgedScenario[],
  { isSmoke, runs, only }: BenchSettings,
): Promise<PartReport> {
  const sections: string[] = [];
  const verdicts: Verdict[] = [];
  for (const { scenario, limits } of scenarios.filter(({ scenario }) => (only ?? scenario.name) === scenario.name)) {
    const results = await measure(scenario, runs);
    const judged = [...judge(scenario.bars, results), ...((await limits?.(results)) ?? [])];
    // What little data takes says nothing.
    if (!isSmoke) verdicts.push(...judged);
    const section = scenarioSection(scenario, results, isSmoke ? [] : judged);
    console.log(section);
    sections.push(section);
  }
  return { sections, verdicts };
}
