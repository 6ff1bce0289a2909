import { formatBytes, formatTime } from '../quantity.ts';
import { formatTable } from '../table.ts';
import { formatDuration } from './describe-explanation.ts';
import type { SimulatedFigures, Simulation } from './plan-answers.ts';

/** What the next plans would do, in this fleet and in another one. @param question in words; undefined when none was asked */
export function describeSimulation(simulation: Simulation, question: string | undefined): string {
  const { nowMs, before, after, held } = simulation;
  const now = sumOf(before);
  // Viewers do not go away with the last machine of their cluster: what they ask for is served by nobody then.
  const then = { ...sumOf(after), demandBytes: Math.max(now.demandBytes, sumOf(after).demandBytes) };
  const isCompared = question !== undefined;
  const line = (name: string, show: (figures: SimulatedFigures) => string, change: string): string[] =>
    isCompared ? [name, show(now), show(then), change] : [name, show(now)];
  const bytes = (name: string, pick: (figures: SimulatedFigures) => number): string[] =>
    line(name, (figures) => formatBytes(pick(figures)), bytesChange(pick(now), pick(then)));
  const rows = [
    bytes('asked for a day', ({ demandBytes }) => demandBytes),
    line('served of the demand', (figures) => percent(shareOf(figures)), `${points(shareOf(then) - shareOf(now))}`),
    bytes('served a day', ({ servedBytes }) => servedBytes),
    bytes('to be filled', totalFill),
    bytes('  from peers', ({ fillBytes }) => fillBytes.peer),
    bytes('  from other sites', ({ fillBytes }) => fillBytes.tier),
    bytes('  from the origin', ({ fillBytes }) => fillBytes.origin),
    line('filled by, at best', endOf, timeChange(now, then)),
    bytes('dropped', ({ droppedBytes }) => droppedBytes),
    line(
      'written, of the busiest disk',
      ({ writesPerByte }) => percent(writesPerByte),
      points(then.writesPerByte - now.writesPerByte),
    ),
    line('windows and budgets', ({ broken }) => (broken.length === 0 ? 'kept' : 'BROKEN'), ''),
  ];
  const header = isCompared ? ['', 'NOW', 'THEN', 'CHANGE'] : ['', 'NEXT PLANS'];
  return [
    `simulated at ${formatTime(nowMs)}:\n${question ?? 'the plans that a cycle would make now'}\n\n`,
    `${formatTable(header, rows)}\n\n`,
    `${clusterTable(before, isCompared ? after : undefined)}\n`,
    heldLines(held),
  ].join('');
}

/** Most clusters in the table: those that change, or else those that serve least. */
const SHOWN_CLUSTERS = 30;

function clusterTable(before: readonly SimulatedFigures[], after: readonly SimulatedFigures[] | undefined): string {
  const then = new Map(after?.map((figures) => [figures.clusterId, figures]));
  const shown = before
    .filter((now) => after === undefined || !isAlike(now, then.get(now.clusterId)))
    .toSorted((a, b) => shareOf(a) - shareOf(b));
  if (before.length === 0) return "The fleet has no clusters: 'oca fleet set --help' shows an example";
  if (shown.length === 0) return 'no cluster changes';
  const rows = shown.slice(0, SHOWN_CLUSTERS).map((now) => {
    const changed = then.get(now.clusterId);
    const pair = (show: (figures: SimulatedFigures) => string): string =>
      after === undefined || (changed !== undefined && show(changed) === show(now))
        ? show(now)
        : `${show(now)} -> ${changed === undefined ? 'none' : show(changed)}`;
    return [
      now.clusterId,
      pair((figures) => percent(shareOf(figures))),
      pair((figures) => formatBytes(totalFill(figures))),
      pair(({ fillBytes }) => formatBytes(fillBytes.origin)),
      pair(endOf),
    ];
  });
  const rest = shown.length - rows.length;
  const more = rest === 0 ? '' : `\nand ${rest} more`;
  return `${formatTable(['CLUSTER', 'SERVED', 'TO BE FILLED', 'FROM THE ORIGIN', 'FILLED BY'], rows)}${more}`;
}

const isAlike = (now: SimulatedFigures, then: SimulatedFigures | undefined): boolean =>
  then !== undefined &&
  Math.abs(shareOf(now) - shareOf(then)) < 0.0005 &&
  totalFill(now) === totalFill(then) &&
  endOf(now) === endOf(then);

function heldLines(held: Simulation['held']): string {
  const lines = Object.entries(held).map(
    ([clusterId, reasons]) => `cluster ${clusterId} would be held: ${reasons.join('; ')}\n`,
  );
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

function sumOf(all: readonly SimulatedFigures[]): SimulatedFigures {
  const sum = (pick: (figures: SimulatedFigures) => number): number =>
    all.reduce((total, figures) => total + pick(figures), 0);
  const ends = all.map(({ endsAtMs }) => endsAtMs);
  return {
    clusterId: '',
    demandBytes: sum(({ demandBytes }) => demandBytes),
    servedBytes: sum(({ servedBytes }) => servedBytes),
    heldBeforeBytes: sum(({ heldBeforeBytes }) => heldBeforeBytes),
    droppedBytes: sum(({ droppedBytes }) => droppedBytes),
    fillBytes: {
      peer: sum(({ fillBytes }) => fillBytes.peer),
      tier: sum(({ fillBytes }) => fillBytes.tier),
      origin: sum(({ fillBytes }) => fillBytes.origin),
    },
    endsAtMs: ends.some((endsAtMs) => endsAtMs === undefined)
      ? undefined
      : Math.max(0, ...ends.map((each) => each ?? 0)),
    writesPerByte: Math.max(0, ...all.map(({ writesPerByte }) => writesPerByte)),
    broken: all.flatMap(({ broken }) => broken),
  };
}

const totalFill = ({ fillBytes: { peer, tier, origin } }: SimulatedFigures): number => peer + tier + origin;
const shareOf = ({ servedBytes, demandBytes }: SimulatedFigures): number =>
  demandBytes === 0 ? 1 : servedBytes / demandBytes;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const signed = (value: number, text: string): string => (value === 0 ? '' : `${value < 0 ? '-' : '+'}${text}`);
const points = (change: number): string =>
  Math.abs(change) < 0.0005 ? '' : signed(change, `${Math.abs(change * 100).toFixed(1)} points`);
const bytesChange = (now: number, then: number): string => signed(then - now, formatBytes(Math.abs(then - now)));
const endOf = (figures: SimulatedFigures): string =>
  totalFill(figures) === 0
    ? 'nothing to fill'
    : figures.endsAtMs === undefined
      ? 'not within 5 days'
      : formatTime(figures.endsAtMs);

function timeChange(before: SimulatedFigures, after: SimulatedFigures): string {
  const [now, then] = [before.endsAtMs, after.endsAtMs];
  if (totalFill(before) === 0 || totalFill(after) === 0) return '';
  if (now === undefined || then === undefined || Math.abs(then - now) < 60_000) return '';
  return signed(then - now, formatDuration(Math.abs(then - now) / 1000));
}
