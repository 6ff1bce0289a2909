import { formatTable } from '../src/cli/table.ts';
import { type Chooser, runSegments, type SegmentResult, type SegmentScenario } from './routing/segments.ts';

const SCENARIOS: readonly SegmentScenario[] = [
  {
    name: 'one of ten at a quarter of its speed',
    slowShare: 0.25,
    seconds: 600,
    fromSecond: 120,
    startsPerSec: () => 4,
    staySec: 240,
  },
  {
    name: 'ten times the starts for half a minute',
    slowShare: 1,
    seconds: 300,
    fromSecond: 100,
    startsPerSec: (second) => (second >= 120 && second < 150 ? 20 : 2),
    staySec: 240,
  },
  {
    name: 'both together',
    slowShare: 0.25,
    seconds: 300,
    fromSecond: 100,
    startsPerSec: (second) => (second >= 120 && second < 150 ? 20 : 2),
    staySec: 240,
  },
];
const CHOOSERS: readonly Chooser[] = ['ours', 'weighted round robin', 'least loaded'];

/** How long viewers wait for segments within one site, by who says where they go. */
export async function benchSegments(): Promise<SegmentResult[]> {
  const results: SegmentResult[] = [];
  for (const scenario of SCENARIOS) {
    for (const chooser of CHOOSERS) results.push(await runSegments(scenario, chooser));
  }
  process.stdout.write(
    `\n${formatTable(
      ['scenario', 'chooser', 'segments', 'p50 ms', 'p99 ms', 'late', 'fullest', 'moves/viewer'],
      results.map((result) => [
        result.scenario,
        result.chooser,
        String(result.segments),
        String(result.p50Ms),
        String(result.p99Ms),
        `${(100 * result.lateShare).toFixed(2)} %`,
        result.worstFill.toFixed(2),
        result.movesPerViewer.toFixed(2),
      ]),
    )}\n`,
  );
  const p99 = (chooser: Chooser): number =>
    results.find((one) => one.scenario === SCENARIOS[0]?.name && one.chooser === chooser)?.p99Ms ?? Number.NaN;
  const better = p99('weighted round robin') / p99('ours');
  process.stdout.write(
    `with one slow appliance the p99 is ${better.toFixed(1)} times better than weighted round robin (goal 2): ${better >= 2 ? 'reached' : 'NOT reached'}\n`,
  );
  return results;
}
