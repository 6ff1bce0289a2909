import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeMachine } from './machine.ts';
import type { CycleFigures } from './plan/cycle-child.ts';
import type { FleetSize } from './plan/generated-fleet.ts';
import { type GapFigures, measureGaps } from './plan/lp-gap.ts';
import { type Panel, plotEvenings } from './routing/plot-evenings.ts';

const run = promisify(execFile);

/** How a plan cycle grows with catalogue and fleet, and how far its placements are from what is possible. */
export async function benchPlan(options: FleetSize & { readonly threads: number }): Promise<void> {
  const growth: CycleFigures[] = [];
  for (const { titles, clusters } of sizesUpTo(options)) {
    const child = join(import.meta.dirname, 'plan/cycle-child.ts');
    const { stdout } = await run(process.execPath, [child, String(titles), String(clusters), String(options.threads)], {
      maxBuffer: 2 ** 20,
    });
    const figures = JSON.parse(stdout) as CycleFigures;
    growth.push(figures);
    process.stdout.write(`${describe(figures)}\n`);
  }
  const gaps = measureGaps();
  process.stdout.write(`${describeGaps(gaps)}\n`);
  const results = join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `plan-${new Date().toISOString().slice(0, 10)}`);
  const body = { command: 'npm run bench -- plan', threads: options.threads, machine: describeMachine(), growth, gaps };
  writeFileSync(`${file}.json`, `${JSON.stringify(body, null, 2)}\n`);
  writeFileSync(`${file}.svg`, plot(growth, gaps));
  process.stdout.write(`written to ${file}.json\n`);
}

/** Growth with the catalogue, then with the fleet. */
function sizesUpTo({ titles, clusters }: FleetSize): FleetSize[] {
  const part = (count: number, share: number): number => Math.max(1, Math.round(count * share));
  const sizes = [
    { titles: part(titles, 0.1), clusters: part(clusters, 0.1) },
    { titles: part(titles, 0.5), clusters: part(clusters, 0.1) },
    { titles, clusters: part(clusters, 0.1) },
    { titles, clusters: part(clusters, 0.25) },
    { titles, clusters: part(clusters, 0.5) },
    { titles, clusters },
  ];
  return sizes.filter(
    (size, at) => !sizes.slice(0, at).some((other) => other.titles === size.titles && other.clusters === size.clusters),
  );
}

const nameOf = ({ titles, clusters }: FleetSize): string => `${titles} x ${clusters}`;

function describe(figures: CycleFigures): string {
  const { planSec, storeSec, cpuSec, againSec, againNew, peakMemoryBytes, storedBytes, planned } = figures;
  return (
    `${nameOf(figures)} clusters: planned in ${planSec} s, stored in ${storeSec} s (${cpuSec} s of processors), ` +
    `${planned} entries in ${Math.round(storedBytes / 1e6)} MB; the next cycle ${againSec} s, ${againNew} new versions; ` +
    `${(peakMemoryBytes / 1e9).toFixed(2)} GB at most; a plan of ${Math.round(figures.documentBytes / 1e6)} MB is ` +
    `written in ${figures.documentMs} ms`
  );
}

function describeGaps(gaps: readonly GapFigures[]): string {
  const within = gaps.filter(({ gap }) => gap <= 0.02).length;
  const worst = gaps.toSorted((a, b) => b.gap - a.gap)[0];
  return (
    `${within} of ${gaps.length} clusters are within 2 % of the bound; the worst is ${worst?.machines}, ` +
    `${worst?.files} files, load ${worst?.load}, space ${worst?.space}: ${((worst?.gap ?? 0) * 100).toFixed(2)} %`
  );
}

function plot(growth: readonly CycleFigures[], gaps: readonly GapFigures[]): string {
  const panel = (
    title: string,
    bars: (figures: CycleFigures) => readonly { readonly method: string; readonly value: number }[],
    digits: number,
  ): Panel => ({
    title,
    groups: growth.map((figures) => ({
      name: nameOf(figures),
      bars: bars(figures).map(({ method, value }) => ({ method, value, label: value.toFixed(digits) })),
    })),
  });
  return plotEvenings('A plan cycle: titles (of ten rungs) x clusters (of five appliances)', [
    panel(
      'Seconds',
      ({ planSec, storeSec, cpuSec, againSec }) => [
        { method: 'first cycle', value: planSec + storeSec },
        { method: 'of processors', value: cpuSec },
        { method: 'next cycle', value: againSec },
      ],
      1,
    ),
    panel('Memory at most, GB', ({ peakMemoryBytes }) => [{ method: 'first cycle', value: peakMemoryBytes / 1e9 }], 2),
    {
      title: 'Below the bound by linear programming, per cent: worst of all loads, spaces and exponents',
      groups: [...Map.groupBy(gaps, ({ machines, files }) => `${machines}: ${files}`)].map(([name, of]) => ({
        name,
        bars: [0.6, 0.95, 1.3].map((load) => {
          const value = 100 * Math.max(0, ...of.filter((each) => each.load === load).map(({ gap }) => gap));
          return { method: `load ${load}`, value, label: value.toFixed(2) };
        }),
      })),
    },
  ]);
}
