import { formatBitRate, formatBytes, formatTime } from '../quantity.ts';
import { formatTable } from '../table.ts';
import type { Explanation } from './plan-answers.ts';
import { wrapWords } from './wrap-words.ts';

type Rendition = Explanation['renditions'][number];
type Cluster = Rendition['clusters'][number];
type Copy = Cluster['copies'][number];

/** Why a file, rendition or title is where it is, for people. @param width of the terminal in characters */
export function describeExplanation(explanation: Explanation, width: number): string {
  const { subject, renditions, furtherClusters } = explanation;
  const text = subject.kind === 'title' ? describeTitle(explanation, width) : '';
  const details =
    subject.kind === 'title' ? '' : renditions.map((each) => describeRendition(explanation, each, width)).join('\n');
  const further =
    furtherClusters === 0 ? '' : `\n${furtherClusters} further clusters: ask for one with --cluster CLUSTER\n`;
  return `${text}${details}${further}`;
}

function describeTitle({ subject, renditions }: Explanation, width: number): string {
  const rows = renditions.flatMap(({ renditionId, sizeBytes, clusters }) =>
    clusters.map(({ clusterId, part, rank, itemCount, expectedBytes, copies }, index) => [
      // The title stands above.
      index === 0 ? renditionId.slice(renditionId.startsWith(`${subject.name}/`) ? subject.name.length + 1 : 0) : '',
      index === 0 ? formatBytes(sizeBytes) : '',
      clusterId,
      part,
      rank === undefined ? '-' : `${rank}/${itemCount}`,
      formatBytes(expectedBytes),
      copies.map(({ applianceId, state }) => (state === 'there' ? applianceId : `(${applianceId})`)).join(' ') || '-',
    ]),
  );
  return (
    `title ${subject.name}: ${renditions.length} renditions\n\n` +
    `${formatTable(['RENDITION', 'SIZE', 'CLUSTER', 'HELD', 'RANK', 'PER DAY', 'APPLIANCES'], rows)}\n` +
    "\nPER DAY: asked for there. In brackets: not there yet.\n'oca plan explain TITLE/RENDITION' tells more of one.\n" +
    notHeldLines(renditions, width)
  );
}

/** Why what is held nowhere is not: each reason once, without the figures of a rendition. */
function notHeldLines(renditions: readonly Rendition[], width: number): string {
  const clustersOf = new Map<string, Set<string>>();
  for (const { clusterId, part, why } of renditions.flatMap(({ clusters }) => clusters)) {
    if (part !== 'nothing') continue;
    const [reason = why] = why.split('; ');
    clustersOf.set(reason, (clustersOf.get(reason) ?? new Set()).add(clusterId));
  }
  const lines = [...clustersOf].map(
    ([reason, clusters]) => `${wrapWords(`not held at ${[...clusters].join(', ')}: ${reason}`, width, '  ')}\n`,
  );
  return lines.length === 0 ? '' : `\n${lines.join('')}To hold it all the same: 'oca calendar pin --help'\n`;
}

function describeRendition({ subject, published }: Explanation, rendition: Rendition, width: number): string {
  const { renditionId, titleId, sizeBytes, headBytes, bitsPerSec, durationSec, clusters } = rendition;
  const facts = [
    formatBytes(sizeBytes),
    ...(bitsPerSec > 0 ? [`${formatDuration(durationSec)} at ${formatBitRate(bitsPerSec)}`] : []),
    ...(headBytes > 0 ? [`its head ${formatBytes(headBytes)}`] : []),
  ];
  const isFile = subject.kind === 'file';
  const text = `${isFile ? 'is part of ' : ''}rendition ${renditionId} of title ${titleId}: ${facts.join(', ')}`;
  return (
    `${isFile ? `file ${subject.name}\n` : ''}${wrapWords(text, width - 2, '  ')}\n` +
    clusters.map((cluster) => `\n${describeCluster(cluster, published[cluster.clusterId], width)}`).join('')
  );
}

function describeCluster(
  cluster: Cluster,
  decision: Explanation['published'][string] | undefined,
  width: number,
): string {
  const { clusterId, siteId, region, part, rank, itemCount, why, expectedBytes, peakBitsPerSec, copies } = cluster;
  const held = part === 'nothing' ? 'NOT HELD' : part === 'head' ? 'head held' : 'held';
  const place = rank === undefined ? '' : `, rank ${rank} of ${itemCount}`;
  const lines: [string, string][] = [
    ['why', why],
    ['expected', `${formatBytes(expectedBytes)} a day, ${formatBitRate(peakBitsPerSec)} in the busiest hour`],
    ...(decision === undefined
      ? []
      : [['gate', `${gateWord(decision.kind)}: ${decision.because}`] as [string, string]]),
    ...copies.flatMap((copy) => describeCopy(copy)),
  ];
  const label = Math.max(...lines.map(([name]) => name.length)) + 2;
  return (
    `cluster ${clusterId} (site ${siteId}, region ${region}): ${held}${place}\n` +
    lines
      .map(([name, text]) => `  ${name.padEnd(label)}${wrapWords(text, width - label - 2, ' '.repeat(label + 2))}\n`)
      .join('')
  );
}

const gateWord = (kind: 'publish' | 'keep'): string => (kind === 'publish' ? 'published' : 'plan before kept');

function describeCopy(copy: Copy): [string, string][] {
  const { applianceId, isMaster, expectedBytes, place, placeCount, planVersion } = copy;
  const role = isMaster ? ', fetches it for the others' : '';
  return [
    [applianceId, `${stateOf(copy)}; to serve ${formatBytes(expectedBytes)} a day${role}`],
    ['', `number ${place} of ${placeCount} in plan ${planVersion}; from ${sourcesOf(copy)}`],
  ];
}

function stateOf({ state, expectedAtMs }: Copy): string {
  switch (state) {
    case 'there':
      return 'there';
    case 'blocked':
      return 'BLOCKED: no source gives what is missing, see oca plan show';
    case 'on-its-way':
    case 'not-reported': {
      const when =
        expectedAtMs === undefined
          ? 'not within the windows of its plan'
          : `there by ${formatTime(expectedAtMs)} at best`;
      return `${state === 'on-its-way' ? 'on its way' : 'planned, nothing reported yet'}, ${when}`;
    }
  }
}

function sourcesOf({ sources }: Copy): string {
  return sources
    .map(({ kind, id, afterSec, afterSilenceSec }) => {
      const who = kind === 'origin' ? 'the origin' : `${kind} ${id}`;
      if (afterSilenceSec !== undefined && afterSilenceSec > 0)
        return `${who} after ${formatDuration(afterSilenceSec)} of silence`;
      return afterSec === 0 ? who : `${who} after ${formatDuration(afterSec)}`;
    })
    .join(', then ');
}

/** `45 s`, `10 min`, `1 h 32 min` */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
