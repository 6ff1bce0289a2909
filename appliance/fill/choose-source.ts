import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';

/**
 * Which source one block of a planned file is asked from, now.
 *
 * The plan gives each file its sources and how long after the window's start each may be asked; the wait is what keeps
 * a whole cluster from asking the origin at once: most members wait until the first of them has the file. Going down
 * the list at every failure would end at the origin within a second, because a peer that lacks a block now has it in
 * ten. So a failure only puts its source aside for a while, and the choice is made anew for every block: of the sources
 * whose wait is over and that are not set aside, peers before other clusters before the origin, then those that the
 * plan lets us ask first, then the one that is asked least at this moment, then by a hash of asker, file and source,
 * so that appliances that fill the same files do not all ask the same peer.
 *
 * Limits: it knows nothing of how fast a source is.
 */
export interface SourceQuestion {
  /** The appliance that asks, and what for: they spread the load. */
  readonly askerId: string;
  readonly path: string;
  readonly sources: readonly FillPlanSource[];
  readonly sinceWindowStartSec: number;
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
  for (const source of question.sources) {
    const waitMs = waitFor(source, question);
    if (waitMs > 0) {
      forMs = Math.min(forMs, waitMs);
      continue;
    }
    const order = orderOf(source, question);
    if (best === undefined || isBefore(order, best.order)) best = { source, order };
  }
  return best === undefined ? { kind: 'wait', forMs } : { kind: 'ask', source: best.source };
}

function waitFor(source: FillPlanSource, question: SourceQuestion): number {
  const untilAllowedMs = (source.afterSec - question.sinceWindowStartSec) * 1000;
  const setAsideMs = (question.learned(source.id)?.setAsideUntilMs ?? 0) - question.nowMs;
  return Math.max(untilAllowedMs, setAsideMs, 0);
}

function orderOf(source: FillPlanSource, { askerId, path, learned }: SourceQuestion): readonly number[] {
  const asked = learned(source.id)?.asked ?? 0;
  return [RANK[source.kind], source.afterSec, asked, spread(`${askerId}\n${path}\n${source.id}`)];
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

/** FNV-1a with a last mixing, so that names which differ in one digit end up far apart. */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
