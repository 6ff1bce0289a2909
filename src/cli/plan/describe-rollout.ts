import { formatBytes, formatTime } from '../quantity.ts';
import { formatTable } from '../table.ts';
import type { Rollout } from './plan-answers.ts';

/** Where the publication of plans stands, for people. */
export function describeRollout(rollout: Rollout): string {
  const { release, heldUntil, isOnTrial, goodSinceMs, hoursJudged, evidence, proof, clusters, lastDay, events } =
    rollout;
  const measured = new Map(lastDay.map((day) => [day.clusterId, day]));
  const ids = [...new Set([...Object.keys(clusters), ...measured.keys()])].sort();
  const rows = ids.map((id) => {
    const day = measured.get(id);
    const decision = clusters[id];
    return [
      id,
      day === undefined || day.servedBytes === 0
        ? '-'
        : `${((1 - day.missedBytes / day.servedBytes) * 100).toFixed(1)} %`,
      day === undefined ? '-' : formatBytes(day.lostBytes),
      day === undefined ? '-' : formatBytes(day.wonBytes),
      decision === undefined
        ? '-'
        : `${decision.kind === 'publish' ? 'published' : 'plan before kept'}: ${decision.because === heldUntil?.because ? 'see above' : decision.because}`,
    ];
  });
  return [
    release === undefined
      ? 'no release is under way\n'
      : `release ${release.number} is at stage ${release.stage} since ${formatTime(release.stageSinceMs)}\n`,
    heldUntil === undefined ? '' : `nothing new until ${formatTime(heldUntil.untilMs)}: ${heldUntil.because}\n`,
    goodSinceMs === 0 || ids.length === 0 ? '' : `the plans to go back to are those of ${formatTime(goodSinceMs)}\n`,
    isOnTrial
      ? `new plans are on trial: ${hoursJudged} hours judged, evidence against them ${evidence.toPrecision(2)} of ${Math.round(proof)}\n`
      : 'nothing is on trial: the plans in force are the good ones\n',
    rows.length === 0
      ? ''
      : `\n${formatTable(['CLUSTER', 'SERVED FROM DISK', 'LOST', 'WON', 'LAST CYCLE'], rows)}\n(of the last 24 hours; lost and won against the good plans)\n`,
    events.length === 0 ? '' : `\n${events.map(({ atMs, says }) => `${formatTime(atMs)}  ${says}\n`).join('')}`,
  ].join('');
}
