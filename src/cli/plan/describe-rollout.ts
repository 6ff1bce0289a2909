import { formatBytes, formatTime } from '../quantity.ts';
import { formatTable } from '../table.ts';
import type { Rollout } from './plan-answers.ts';
import { wrapWords } from './wrap-words.ts';

/** Below the words of an event, beside its time. */
const EVENT_INDENT = 19;

/** Where the publication of plans stands, for people. @param width of the terminal; undefined when there is none */
export function describeRollout(rollout: Rollout, width: number | undefined = process.stdout.columns): string {
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
  const wrapped = (text: string, indent: number): string =>
    `${wrapWords(text, (width ?? Number.POSITIVE_INFINITY) - indent, ' '.repeat(indent))}\n`;
  return [
    release === undefined
      ? 'no release is under way\n'
      : `release ${release.number} is at stage ${release.stage} since ${formatTime(release.stageSinceMs)}\n`,
    heldUntil === undefined
      ? ''
      : wrapped(`nothing new until ${formatTime(heldUntil.untilMs)}: ${heldUntil.because}`, 2),
    goodSinceMs === 0 || ids.length === 0 ? '' : `the plans to go back to are those of ${formatTime(goodSinceMs)}\n`,
    isOnTrial
      ? `new plans are on trial: ${hoursJudged} hours judged, evidence against them ${evidence.toPrecision(2)} of ${Math.round(proof)}\n`
      : 'nothing is on trial: the plans in force are the good ones\n',
    rows.length === 0
      ? ''
      : `\n${formatTable(['CLUSTER', 'SERVED FROM DISK', 'LOST', 'WON', 'LAST CYCLE'], rows)}\n(of the last 24 hours; lost and won against the good plans)\n`,
    events.length === 0
      ? ''
      : `\n${events.map(({ atMs, says }) => wrapped(`${formatTime(atMs)}  ${says}`, EVENT_INDENT)).join('')}`,
  ].join('');
}
