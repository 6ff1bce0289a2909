import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from './machine.ts';
import { plotEvenings } from './routing/plot-evenings.ts';
import type { EveningResult } from './routing/rounds.ts';
import type { SegmentResult } from './routing/segments.ts';
import { benchFlow, type FlowFigures } from './routing-flow.ts';
import { benchSegments } from './routing-segments.ts';

/** Where viewers are sent: among sites by the flow, and within a site by the ranking. Both are simulations. */
export async function benchRouting(options: { readonly sample: string; readonly sizes: number }): Promise<void> {
  const segments = await benchSegments();
  const flow = benchFlow(options);
  const results = join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `routing-${new Date().toISOString().slice(0, 10)}`);
  const body = { command: 'npm run bench -- routing', machine: describeMachine(), segments, flow };
  writeFileSync(`${file}.json`, `${JSON.stringify(body, null, 2)}\n`);
  writeFileSync(`${file}.svg`, plot(flow, segments));
  process.stdout.write(`written to ${file}.json\n`);
}

function plot({ source, sizes }: FlowFigures, segments: readonly SegmentResult[]): string {
  const panel = (title: string, valueOf: (evening: EveningResult) => number, digits: number) => ({
    title,
    groups: sizes.map(({ sites, groups, evenings }) => ({
      name: `${sites} sites, ${groups} groups`,
      bars: evenings.map((evening) => ({
        method: evening.method,
        value: valueOf(evening),
        label: valueOf(evening).toFixed(digits),
      })),
    })),
  });
  return plotEvenings(`Site shares through an evening over ${source}, and segments within a site`, [
    panel('Load over capacity of the fullest site', ({ worstLoad }) => worstLoad, 2),
    panel(
      'Cost over the optimum, mean of all rounds (below 1: over the caps)',
      ({ meanCostRatio }) => meanCostRatio,
      3,
    ),
    panel(
      'Traffic moved in all rounds, in percent of the traffic of one round',
      ({ movedAtEvents, movedBetween }) => 100 * (movedAtEvents + movedBetween),
      1,
    ),
    {
      title: 'Segment time, p99 in ms',
      groups: [...Map.groupBy(segments, ({ scenario }) => scenario)].map(([name, results]) => ({
        name: SHORT_NAMES[name] ?? name,
        bars: results.map(({ chooser, p99Ms }) => ({ method: chooser, value: p99Ms, label: String(p99Ms) })),
      })),
    },
  ]);
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  'one of ten at a quarter of its speed': 'one of ten at 1/4 speed',
  'ten times the starts for half a minute': '10x starts for 30 s',
};
