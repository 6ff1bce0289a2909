import { Metrics } from '../src/telemetry/metrics.ts';
import type { CatalogStore } from './catalog/catalog-store.ts';
import type { IntakeOutcome } from './catalog/title-intake.ts';
import type { DemandStore, SampleOutcome } from './demand/demand-store.ts';
import type { PlanStore } from './plan/plan-store.ts';

/** What the planner counts. */
export interface PlannerMetrics {
  readonly metrics: Metrics;
  readonly countCycle: (seconds: number | 'failed', nowMs: number) => void;
  readonly countSample: (outcome: SampleOutcome) => void;
  readonly countTitle: (outcome: IntakeOutcome, readBytes: number) => void;
}

export function createPlannerMetrics(catalog: CatalogStore, demand: DemandStore, plans: PlanStore): PlannerMetrics {
  const metrics = new Metrics('planner');
  metrics.collectProcess();
  const cycles = metrics.counter('cycles_total', 'Plan cycles by outcome; look at the log when one failed.', [
    'outcome',
  ]);
  const seconds = metrics.histogram(
    'cycle_seconds',
    'How long a plan cycle takes. Gathering and storing hold up answers: give it more --plan-threads, or --share the fleet, when it takes minutes.',
    [0.01, 0.1, 0.5, 1, 5, 20, 60],
  );
  const lastSuccess = metrics.gauge(
    'last_cycle_timestamp_seconds',
    'When a plan cycle last succeeded; alert when it is older than twice the period of --plan-cron.',
  );
  const samples = metrics.counter(
    'demand_samples_total',
    'Demand samples by outcome; many duplicates mean that answers get lost, too-old or from-the-future a wrong clock.',
    ['outcome'],
  );
  const titles = metrics.counter(
    'intake_titles_total',
    'Titles that were asked for, by outcome; the log says why one was refused.',
    ['outcome'],
  );
  const readBytes = metrics.counter(
    'intake_read_bytes_total',
    'Bytes read to take titles in; growing while nothing was added or changed, notes do not match: look at entity tags.',
  );
  metrics.gauge('titles_count', 'Titles in the catalogue.', [], (gauge) => gauge.set(catalog.titleCount));
  metrics.gauge('demand_rows', 'Rows of demand kept, see --max-demand-rows.', [], (gauge) =>
    gauge.set(demand.rowCount),
  );
  metrics.gauge(
    'fill_blocked_appliances',
    'Appliances that report missing files which no source gives them: see oca plan show.',
    [],
    (gauge) => gauge.set(plans.reports().filter(({ report }) => report.state === 'blocked').length),
  );
  return {
    metrics,
    countCycle(took, nowMs) {
      cycles.inc({ outcome: took === 'failed' ? 'failed' : 'done' });
      if (took === 'failed') return;
      seconds.observe(took);
      lastSuccess.set(nowMs / 1000);
    },
    countSample: (outcome) => samples.inc({ outcome }),
    countTitle(outcome, bytes) {
      titles.inc({ outcome });
      readBytes.inc(bytes);
    },
  };
}
