import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { FlowOutcome, FlowReport } from './site-flow.ts';

export interface FlowMetrics {
  /** Counts a round. */
  round(outcome: FlowOutcome, report: FlowReport): void;
}

/** @param report of the last round, read at each scrape */
export function createFlowMetrics(metrics: Metrics, report: () => FlowReport): FlowMetrics {
  const rounds = metrics.counter(
    'flow_rounds_total',
    'Rounds of the shares of sites: `quiet` means that every nearest site has room; `planned` that viewers are spread over others; with `failed` the last shares stay for a while, the log says why.',
    ['outcome'],
  );
  const moved = metrics.counter(
    'flow_moved_bits_per_second_total',
    'Traffic that was sent to another site than before: `needed` because a site was lost or full, `voluntary` to come back to cheaper ones. Much of `needed` round after round asks for capacity.',
    ['why'],
  );
  const gauge = (name: string, help: string, read: (last: FlowReport) => number): void => {
    metrics.gauge(name, help, [], (each) => each.set(read(report())));
  };
  gauge(
    'flow_demand_bits_per_second',
    'What all viewers take, by the decisions made for them.',
    ({ demandBitsPerSec }) => demandBitsPerSec,
  );
  gauge(
    'flow_origin_bits_per_second',
    'Of it what no site has room for: anything above 0 for long asks for capacity.',
    ({ originBitsPerSec }) => originBitsPerSec,
  );
  gauge(
    'flow_displaced_groups',
    'Neighbourhoods whose viewers do not all go to their nearest site, because it is full.',
    ({ displacedGroups }) => displacedGroups,
  );
  gauge(
    'flow_cost_over_bound_ratio',
    'Cost of the shares over the least possible: above 1.02 for minutes means that they do not settle; look at how the capacities change.',
    ({ cost, bound }) => (cost === undefined || bound === undefined || bound === 0 ? 1 : cost / bound),
  );
  return {
    round: (outcome, { movedBitsPerSec }) => {
      rounds.inc({ outcome });
      if (outcome !== 'planned') return;
      moved.inc({ why: 'needed' }, movedBitsPerSec.needed);
      moved.inc({ why: 'voluntary' }, movedBitsPerSec.voluntary);
    },
  };
}
