import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';

/**
 * Which source is asked: for one block of a planned file, now (`chooseSource`), and for a block that a viewer waits for
 * (`orderForViewer`).
 *
 * The plan gives each file its sources and how long after the window's start each may be asked; the wait is what keeps
 * a whole cluster from asking the origin at once: most members wait until the first of them has the file. Going down
 * the list at every failure would end at the origin within a second, because a peer that lacks a block now has it in
 * ten. So a failure only puts its source aside for a while, and the choice is made anew for every block: of the sources
 * whose wait is over and that are not set aside, peers before other clusters before the origin, then those that the
 * plan lets us ask first, then the one that is asked least at this moment, then by a hash of asker, file and source,
 * so that appliances that fill the same files do not all ask the same peer.
 *
 * A viewer's block has no such waits: he may have it from anybody, so what counts is who is likely to give it whole
 * and soon.
 *
 * Limits: planned fill knows nothing of how fast a source is.
 */
export interface SourceQuestion {
  /** The appliance that asks, and what for: they spread the load. */
  readonly askerId: string;
  readonly path: string;
  readonly sources: readonly FillPlanSource[];
  readonly sinceWindowStartSec: number;
  /**
   * Whether a source has got on since the window's start and since the plan was taken, and how long ago; the time since
   * these when it has not. Needed where a source waits for the silence of others.
   */
  readonly silentSec?: (sourceId: string) => number;
  /** Whether anything may be asked of such a source now: the link may be closed. */
  readonly mayAsk?: (kind: FillPlanSource['kind']) => boolean;
  /** What we learned of each, by its id, or undefined when there is nothing. */
  readonly learned: (sourceId: string) => LearnedOfSource | undefined;
  /** On the same clock as `setAsideUntilMs`. */
  readonly nowMs: number;
}

export interface LearnedOfSource {
  /** It failed or lacked the file, and is not asked before this. */
  readonly setAsideUntilMs: number;
  /** Blocks that are being asked of it now. */
  readonly asked: number;
}

export type SourceChoice =
  | { readonly kind: 'ask'; readonly source: FillPlanSource }
  /** No source may be asked before this many ms have passed. */
  | { readonly kind: 'wait'; readonly forMs: number };

const RANK: Readonly<Record<FillPlanSource['kind'], number>> = { peer: 0, tier: 1, origin: 2 };

export function chooseSource(question: SourceQuestion): SourceChoice {
  let best: { source: FillPlanSource; order: readonly number[] } | undefined;
  let forMs = Number.POSITIVE_INFINITY;
  for (const [index, source] of question.sources.entries()) {
    const waitMs = waitFor(source, index, question);
    if (waitMs > 0) {
      forMs = Math.min(forMs, waitMs);
      continue;
    }
    const order = orderOf(source, question);
    if (best === undefined || isBefore(order, best.order)) best = { source, order };
  }
  return best === undefined ? { kind: 'wait', forMs } : { kind: 'ask', source: best.source };
}

function waitFor(source: FillPlanSource, index: number, question: SourceQuestion): number {
  if (question.mayAsk?.(source.kind) === false) return CLOSED_MS;
  const untilAllowedMs = leaveIn(source, index, question) * 1000;
  const setAsideMs = (question.learned(source.id)?.setAsideUntilMs ?? 0) - question.nowMs;
  return Math.max(untilAllowedMs, setAsideMs, 0);
}

/**
 * Seconds until the plan lets a source be asked. By the clock, or by silence: when none of those before it has got on
 * for so long. Who is silent for ever is passed by, who is only slow is not.
 */
function leaveIn({ afterSec, afterSilenceSec }: FillPlanSource, index: number, question: SourceQuestion): number {
  const { sinceWindowStartSec, silentSec, sources } = question;
  if (afterSilenceSec === undefined || silentSec === undefined) return afterSec - sinceWindowStartSec;
  const silences = sources.slice(0, index).map(({ id }) => silentSec(id));
  return silences.length === 0 ? 0 : afterSilenceSec - Math.min(...silences);
}

/** A link that is closed is looked at again after this. */
const CLOSED_MS = 1000;

function orderOf(source: FillPlanSource, { askerId, path, learned }: SourceQuestion): readonly number[] {
  const asked = learned(source.id)?.asked ?? 0;
  return [
    RANK[source.kind],
    source.afterSilenceSec ?? source.afterSec,
    asked,
    spread(`${askerId}\n${path}\n${source.id}`),
  ];
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

/** A source that a viewer's block may come from, as it is known now. */
export interface ViewerSource {
  readonly kind: FillPlanSource['kind'];
  readonly id: string;
  /** Nobody may ask it now. */
  readonly isResting: boolean;
  /** False after it gave wrong bytes. */
  readonly isTrusted: boolean;
  /** Bodies of it that ended early of late; 0 and more, fading. */
  readonly recentDeaths: number;
  /** Usual time to its first byte; undefined when it was not measured. */
  readonly firstByteMs: number | undefined;
}

/**
 * The sources in the order in which a viewer's block is asked of them: those that may be asked before those that rest,
 * those whose bodies come to their end before those that break off, near before far (peer, tier, origin: nearness costs
 * the provider least), quick before slow in steps of a factor of two, and else as they were given. One that is not
 * trusted is left out, unless nobody else is there. Resting ones stay, at the end: they may be back by then.
 */
export function orderForViewer<Source extends ViewerSource>(sources: readonly Source[]): Source[] {
  const trusted = sources.filter(({ isTrusted }) => isTrusted);
  const ordered = (trusted.length > 0 ? trusted : sources).map((source, given) => ({
    source,
    order: [
      source.isResting ? 1 : 0,
      source.recentDeaths >= MANY_DEATHS ? 1 : 0,
      RANK[source.kind],
      slownessOf(source.firstByteMs),
      given,
    ],
  }));
  ordered.sort((left, right) => (isBefore(left.order, right.order) ? -1 : 1));
  return ordered.map(({ source }) => source);
}

/** One is chance, a deploy, a full moon. */
const MANY_DEATHS = 2;
/** All that is quicker is quick: within a site the differences are noise. */
const QUICK_MS = 20;

const slownessOf = (firstByteMs: number | undefined): number =>
  firstByteMs === undefined ? 0 : Math.max(0, Math.round(Math.log2(firstByteMs / QUICK_MS)));

/** Orders peers for a key, the same on every appliance: the first of them is the one whom all ask, and who has it soonest. */
export function orderForKey<Source extends { readonly id: string }>(sources: readonly Source[], key: string): Source[] {
  return [...sources].sort((left, right) => spread(`${key}\n${left.id}`) - spread(`${key}\n${right.id}`));
}

/** FNV-1a with a last mixing, so that names which differ in one digit end up far apart. */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
