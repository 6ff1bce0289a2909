import { Metrics } from '../src/telemetry/metrics.ts';
import type { PlayerQuality } from './quality/player-quality.ts';

/** What steering counts. Label sets are closed: no title, client or session stands in one. */
export interface SteeringGauges {
  /** Appliances by lease. */
  appliances(): Readonly<Record<'current' | 'doubtful' | 'expired', number>>;
  prefixes(): number;
  withheldAppliances(): number;
  unwrittenAppliances(): number;
  /** Since the planner last answered as it should; undefined when it never did. */
  plannerSilentSec(): number | undefined;
}

export function createSteeringMetrics() {
  const metrics = new Metrics('steering');
  metrics.collectProcess();
  return {
    metrics,
    decisions: metrics.counter(
      'decisions_total',
      'Decisions made, by what came first: a rise of `origin` means that no appliance could serve; look at the exclusions.',
      ['first'],
    ),
    exclusions: metrics.counter(
      'exclusions_total',
      'Appliances left out of decisions, by reason: `full` asks for capacity, `lacks-title` for a look at the plan, `unhealthy` and `lease-expired` for a look at the appliance.',
      ['code'],
    ),
    staticAnswers: metrics.counter(
      'static_answers_total',
      'Answers without a decision: `address-busy` and `service-busy` are load that was shed, `no-catalogue` means that the planner was never reached, `unknown-title` that players ask for titles that are gone.',
      ['because'],
    ),
    decisionSeconds: metrics.histogram(
      'decision_duration_seconds',
      'Time of one decision. Players start no faster than this; above 0.05 look at the load of the machine.',
      [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
    ),
    manifests: metrics.counter('manifests_total', 'Manifests rendered, by format and outcome.', ['format', 'outcome']),
    heartbeats: metrics.counter(
      'heartbeats_total',
      'Heartbeats by what became of them: `out-of-order` in numbers means delay or duplication on the way, `too-often` a box that sends more than ten a second.',
      ['outcome'],
    ),
    routeReports: metrics.counter('route_reports_total', 'Route reports by what became of them.', ['outcome']),
    routingFileBroken: metrics.gauge(
      'routing_file_broken',
      '1 while a file that places clients cannot be used, by file: the log names what is wrong; what it said before stays in use.',
      ['file'],
    ),
    routingFileHeld: metrics.gauge(
      'routing_file_held',
      '1 while what a file says is held as a mass change, by file: if it is meant, `oca routes accept`.',
      ['file'],
    ),
    heldReports: metrics.gauge(
      'held_route_reports',
      'Appliances whose routes are held as a mass change: ask the ISP; if it is meant, `oca routes accept`.',
    ),
    leakedRoutes: metrics.gauge(
      'leaked_routes',
      "Reported prefixes that are not taken because they lie inside another ISP's: `oca routes lint` names the site.",
    ),
    siteFileBroken: metrics.gauge(
      'site_file_broken',
      '1 while the table of sites cannot be read: the log says what is wrong; the table before stays in use.',
    ),
    stalledSeconds: metrics.counter(
      'stalled_seconds_total',
      'Time in which this process stood still; no lease runs out by it. If it grows look for swapping, a busy host or a paused machine.',
    ),
    plannerRounds: metrics.counter(
      'planner_polls_total',
      'Polls of the planner: while they fail the last catalogue stays in use.',
      ['outcome'],
    ),
    ...qualityCounters(metrics),
  };
}

const qualityCounters = (metrics: Metrics) => ({
  cmcdRecords: metrics.counter(
    'cmcd_records_total',
    'Records of players about their playback: `malformed` ones and those of an `unknown-version` are ignored, `capped` ones are more than one viewer may send, those `of-no-appliance` name a host that is not in the fleet.',
    ['outcome'],
  ),
  qualitySketches: metrics.counter(
    'quality_sketches_total',
    'Measurements of appliances about their own answers. None while appliances are there: look at their `quality_sketches_total`.',
  ),
});

export type SteeringMetrics = ReturnType<typeof createSteeringMetrics>;

/** Adds what players' reports come to, read off at each scrape. */
export function showQualityGauges({ metrics }: SteeringMetrics, quality: Pick<PlayerQuality, 'counts'>): void {
  metrics.gauge(
    'quality_demoted_appliances',
    'Appliances that viewers report as failing: `demoted` ones get nobody first, `probing` ones a few. GET /v1/quality says why.',
    ['standing'],
    (gauge) => {
      const { demoted, probing } = quality.counts();
      gauge.set({ standing: 'demoted' }, demoted);
      gauge.set({ standing: 'probing' }, probing);
    },
  );
  metrics.gauge(
    'quality_doubting',
    '1 while so many appliances seem to fail at once that the reports are doubted and nobody is demoted: look at what viewers share, their network and the origin.',
    [],
    (gauge) => gauge.set(quality.counts().doubting ? 1 : 0),
  );
  metrics.gauge(
    'quality_cells',
    'Pairs of appliance and neighbourhood that are measured. At the limit (qualityMaxCells) neighbourhoods of a site count together.',
    [],
    (gauge) => gauge.set(quality.counts().cells),
  );
}

/** Adds what is read off at each scrape. */
export function showSteeringGauges({ metrics }: SteeringMetrics, gauges: SteeringGauges): void {
  metrics.gauge(
    'appliances',
    'Appliances by lease: `expired` ones are silent, `doubtful` ones are silent together and kept for a while.',
    ['lease'],
    (gauge) => {
      for (const [lease, count] of Object.entries(gauges.appliances())) gauge.set({ lease }, count);
    },
  );
  metrics.gauge(
    'withheld_appliances',
    'Appliances that operators or maintenance windows withhold now: `oca site list` says why and until when.',
    [],
    (gauge) => gauge.set(gauges.withheldAppliances()),
  );
  metrics.gauge('prefixes', 'Prefixes that place clients in sites, of the file and of reports.', [], (gauge) =>
    gauge.set(gauges.prefixes()),
  );
  metrics.gauge(
    'unwritten_appliances',
    'Appliances heard since they were last written to disk. A large fleet is written in turns within half a minute; when it is as many as there are for longer, the disk takes nothing.',
    [],
    (gauge) => gauge.set(gauges.unwrittenAppliances()),
  );
  metrics.gauge(
    'planner_silent_seconds',
    'How old the last good answer of the planner is, -1 before the first: while it grows, new titles are not known.',
    [],
    (gauge) => gauge.set(gauges.plannerSilentSec() ?? -1),
  );
}
