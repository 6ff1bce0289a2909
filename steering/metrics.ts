import { Metrics } from '../src/telemetry/metrics.ts';

/** What steering counts. Label sets are closed: no title, client or session stands in one. */
export interface SteeringGauges {
  /** Appliances by lease. */
  appliances(): Readonly<Record<'current' | 'doubtful' | 'expired', number>>;
  prefixes(): number;
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
      'Heartbeats by what became of them: `out-of-order` in numbers means delay or duplication on the way.',
      ['outcome'],
    ),
    routeReports: metrics.counter('route_reports_total', 'Route reports by what became of them.', ['outcome']),
    prefixFileBroken: metrics.gauge(
      'prefix_file_broken',
      '1 while the table of client prefixes cannot be read: the log names the lines; the table before stays in use.',
    ),
    siteFileBroken: metrics.gauge(
      'site_file_broken',
      '1 while the table of sites cannot be read: the log says what is wrong; the table before stays in use.',
    ),
    plannerRounds: metrics.counter(
      'planner_polls_total',
      'Polls of the planner: while they fail the last catalogue stays in use.',
      ['outcome'],
    ),
    cmcdRecords: metrics.counter(
      'cmcd_records_total',
      'Records of players about their playback: `malformed` ones are ignored.',
      ['outcome'],
    ),
  };
}

export type SteeringMetrics = ReturnType<typeof createSteeringMetrics>;

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
  metrics.gauge('prefixes', 'Prefixes that place clients in sites, of the file and of reports.', [], (gauge) =>
    gauge.set(gauges.prefixes()),
  );
  metrics.gauge(
    'unwritten_appliances',
    'Appliances heard since the last write to disk that worked: it stays high when the disk takes nothing.',
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
