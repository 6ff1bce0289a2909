import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { Clock } from '../../src/world/world.ts';
import type { PlanRollout, RolloutReport } from './plan-rollout.ts';

/** What the rollout of plans shows to who watches; everything is read when somebody asks. */
export function addRolloutMetrics(metrics: Metrics, rollout: PlanRollout, clock: Clock): void {
  const gauge = (name: string, help: string, pick: (report: RolloutReport) => number): void => {
    metrics.gauge(name, help, [], (each) => each.set(pick(rollout.report(clock.nowMs()))));
  };
  gauge(
    'held_clusters_count',
    'Clusters whose new plans a guard rail or a return holds: see oca plan rollout, and publish them if they are right.',
    ({ clusters, heldUntil }) =>
      Object.values(clusters).filter(
        ({ kind, because }) => kind === 'keep' && (heldUntil !== undefined || because.startsWith('held: ')),
      ).length,
  );
  gauge(
    'plan_evidence_ratio',
    'How strongly the last days speak against the plans in force; at 1 / --false-returns the last good ones come back.',
    ({ evidence }) => evidence,
  );
  gauge(
    'returns_held_seconds',
    'For how long nothing new is published yet after a return to the last good plans; page somebody when above 0.',
    ({ heldUntil }) => (heldUntil === undefined ? 0 : Math.max(0, (heldUntil.untilMs - clock.nowMs()) / 1000)),
  );
  gauge(
    'served_from_disk_ratio',
    'Share of the bytes of the last 24 hours that appliances served without fetching first; compare weeks, not hours.',
    ({ lastDay }) => {
      const served = lastDay.reduce((sum, { servedBytes }) => sum + servedBytes, 0);
      const missed = lastDay.reduce((sum, { missedBytes }) => sum + missedBytes, 0);
      return served === 0 ? 0 : 1 - missed / served;
    },
  );
}
