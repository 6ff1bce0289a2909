import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import type { TriggerType } from '../../src/contracts/trigger-list.ts';
import type { ErrorCode } from '../../src/errors/error-codes.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { PollOutcome } from '../fill/planned/plan-client.ts';
import type { SampleOutcome } from './demand-shipper.ts';

/** What is read at each scrape. */
export interface ControlPlaneReadings {
  planVersion(): number;
  demandBacklog(): number;
  /** 1 when calls can be made. */
  usable(service: 'planner' | 'steering'): number;
}

/** What the appliance counts of its talk with planner and steering, and of planned fill. */
export class ControlPlaneMetrics {
  readonly #heartbeats;
  readonly #polls;
  readonly #filledBytes;
  readonly #fillFailures;
  readonly #samples;
  readonly #leftOut;
  readonly #lostSamples;
  readonly #routeReports;
  readonly #triggers;

  constructor(metrics: Metrics, readings: ControlPlaneReadings) {
    this.#heartbeats = metrics.counter(
      'heartbeats_total',
      'Heartbeats to steering, by outcome. `failed` rising alone: steering is away or refuses us, and sends nobody here.',
      ['outcome'],
    );
    this.#polls = metrics.counter(
      'plan_polls_total',
      'Polls of the plan, by outcome. `refused`: somebody answers who is not the planner we enrolled with; see the log.',
      ['outcome'],
    );
    this.#filledBytes = metrics.counter(
      'planned_fill_bytes_total',
      'Bytes fetched for the plan, by kind of source. Much `origin` against `peer`: look at the cluster of the site.',
      ['source'],
    );
    this.#fillFailures = metrics.counter(
      'planned_fill_failures_total',
      'Blocks of the plan that a source did not give, by code. SOURCE_LACKS is normal while peers fill; CHECKSUM_MISMATCH never is.',
      ['code'],
    );
    this.#samples = metrics.counter(
      'demand_samples_total',
      'Demand samples to the planner, by outcome. `refused`: planner and appliance differ in version; these counts are lost.',
      ['outcome'],
    );
    this.#leftOut = metrics.counter(
      'demand_left_out_requests_total',
      'Requests that no demand sample counts, because too many different paths were asked for within one interval.',
    );
    this.#lostSamples = metrics.counter(
      'demand_lost_samples_total',
      'Demand samples that had to go because the planner was away for too long, or that the disk lost.',
    );
    this.#routeReports = metrics.counter('route_reports_total', 'Reports of the routes file to steering, by outcome.', [
      'outcome',
    ]);
    this.#triggers = metrics.counter(
      'triggers_total',
      'Triggers of the planner that are done, by type. `failed`: the log says which volume did not take a deletion.',
      ['type', 'state'],
    );
    metrics.gauge('plan_version', 'Version of the plan in force; 0 when there is none.', [], (gauge) =>
      gauge.set(readings.planVersion()),
    );
    metrics.gauge('demand_backlog_samples', 'Demand samples that the planner has not acknowledged.', [], (gauge) =>
      gauge.set(readings.demandBacklog()),
    );
    metrics.gauge(
      'service_usable',
      '1 when this appliance is enrolled with the service (or may go unsigned). 0: mint a token and start with it.',
      ['service'],
      (gauge) => {
        gauge.set({ service: 'planner' }, readings.usable('planner'));
        gauge.set({ service: 'steering' }, readings.usable('steering'));
      },
    );
  }

  heartbeat(outcome: 'acknowledged' | 'failed'): void {
    this.#heartbeats.inc({ outcome });
  }

  polled(outcome: PollOutcome): void {
    this.#polls.inc({ outcome });
  }

  filled(source: FillPlanSource['kind'], bytes: number): void {
    this.#filledBytes.inc({ source }, bytes);
  }

  fillFailed(code: ErrorCode): void {
    this.#fillFailures.inc({ code });
  }

  sample(outcome: SampleOutcome): void {
    this.#samples.inc({ outcome });
  }

  leftOut(requests: number): void {
    this.#leftOut.inc(requests);
  }

  lostSamples(samples: number): void {
    this.#lostSamples.inc(samples);
  }

  triggerDone(type: TriggerType, state: 'complete' | 'failed'): void {
    this.#triggers.inc({ type, state });
  }

  routesReported(outcome: 'acknowledged' | 'failed'): void {
    this.#routeReports.inc({ outcome });
  }
}
