import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMediaSizes } from './fill/media-sizes.ts';
import { type FillResult, type FillScenario, runFleet } from './fill/run-fleet.ts';
import { describeMachine } from './machine.ts';
import { plotEvenings } from './routing/plot-evenings.ts';

/**
 * Fleets that fill from nothing, in simulated time: plans by the planner's own rules, appliances whose planned fill is
 * the real one. What is counted instead of done are disks and sockets.
 */
const SCENARIOS: readonly FillScenario[] = [
  { name: '10 appliances', seed: 1, appliances: 10, perSite: 5, fillSec: 500, windowShare: 1.3 },
  { name: '10, window cut at 60 %', seed: 2, appliances: 10, perSite: 5, fillSec: 400, windowShare: 0.6 },
  {
    name: '10, one lost half way',
    seed: 3,
    appliances: 10,
    perSite: 5,
    fillSec: 900,
    windowShare: 2,
    losesAtShare: 0.5,
  },
  { name: '20 appliances', seed: 4, appliances: 20, perSite: 5, fillSec: 400, windowShare: 1.3 },
  { name: '50 appliances', seed: 5, appliances: 50, perSite: 6, fillSec: 300, windowShare: 1.4 },
];

export async function benchFill(options: { readonly dataDir: string; readonly only?: string }): Promise<void> {
  const media = readMediaSizes(options.dataDir);
  process.stdout.write(`${media.source}\n`);
  const chosen = SCENARIOS.filter(({ name }) => options.only === undefined || name.includes(options.only));
  const results: FillResult[] = [];
  for (const scenario of chosen) {
    const result = await runFleet(scenario, media);
    results.push(result);
    process.stdout.write(`${describe(result)}\n`);
    // After each: the large fleets take minutes.
    if (options.only === undefined) writeResults(media.source, results);
  }
}

function writeResults(source: string, results: readonly FillResult[]): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `fill-${new Date().toISOString().slice(0, 10)}`);
  const body = { command: 'npm run bench -- fill', machine: describeMachine(), media: source, results };
  writeFileSync(`${file}.json`, `${JSON.stringify(body, null, 2)}\n`);
  writeFileSync(`${file}.svg`, plot(results));
}

function describe(result: FillResult): string {
  const { makespanSec, makespanOverBound, boundSec } = result;
  const time =
    makespanSec === undefined
      ? `not whole when the window closed (${percent(result.heldShare)} held)`
      : `${makespanSec.toFixed(0)} s, ${makespanOverBound?.toFixed(3)} of the bound of ${boundSec.toFixed(0)} s`;
  return [
    `${result.scenario}: ${result.sites} sites, ${(result.plannedBytes / 1e9).toFixed(0)} GB in ${result.renditions} renditions`,
    `  ${time}`,
    `  across each link ${result.linkCopies.toFixed(3)} times (worst site ${result.worstLinkCopies.toFixed(3)}), from the origin ${result.originCopies.toFixed(3)} per site`,
    `  seconds over budget or outside the window ${result.violations}; busiest second ${percent(result.busiestSecondOverBudget)} of the budget`,
    `  value at the end ${percent(result.worstPrefixValue)} of the best (worst site)`,
    `  blocks given ${result.asks.given}, asked for in vain ${result.asks.lacked}, of a dead machine ${result.asks.dead}; simulated in ${result.wallSec} s`,
  ].join('\n');
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function plot(results: readonly FillResult[]): string {
  const panel = (title: string, valueOf: (result: FillResult) => number | undefined, digits: number) => ({
    title,
    groups: results.map((result) => {
      const value = valueOf(result);
      return {
        name: result.scenario,
        bars: [{ method: 'measured', value: value ?? 0, label: value?.toFixed(digits) ?? 'window too short' }],
      };
    }),
  });
  return plotEvenings('Fleets that fill from nothing, real sizes, simulated time', [
    panel('Time until all is there, over the fluid bound (goal: at most 1.10)', (each) => each.makespanOverBound, 3),
    panel('Bytes across the links, over what each site holds (goal: at most 1.05)', (each) => each.linkCopies, 3),
    panel('Bytes from the origin, over what each site holds', (each) => each.originCopies, 3),
    panel('Seconds over budget or outside the window (goal: 0)', (each) => each.violations, 0),
    panel('Value of what is there when the window ends, over the best possible', (each) => each.worstPrefixValue, 3),
  ]);
}
