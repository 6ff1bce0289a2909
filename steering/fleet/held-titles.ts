import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { PlanRenditions } from '../../src/contracts/fill-plan.ts';
import { decodeHoldings, type HoldingLevel, type Holdings } from '../../src/contracts/holdings.ts';
import type { Held } from '../ranking/candidate.ts';

/**
 * What each appliance holds of each title. A heartbeat carries two bits per rendition of a plan's list and the plan's
 * version; the list comes once from the planner. While the list of a new plan is on its way (or the planner away), the
 * last pair of list and bits that fitted together goes on counting: what an appliance held a minute ago it mostly still
 * holds.
 */
const SHARE_OF_LEVEL: Readonly<Record<HoldingLevel, number>> = { none: 0, head: 0.1, part: 0.5, whole: 1 };
const LISTS_KEPT = 2;

interface ApplianceHoldings {
  latest: Holdings | undefined;
  /** Levels by rendition, of the last holdings whose list we had; titles are looked up in it. */
  levels: ReadonlyMap<string, HoldingLevel> | undefined;
  /** Rendition lists by plan version, the newest last. */
  readonly lists: Map<number, readonly string[]>;
  readonly shares: Map<string, Held>;
}

export class HeldTitles {
  readonly #appliances = new Map<string, ApplianceHoldings>();

  /** Takes the holdings of a heartbeat. @returns the plan version whose rendition list is needed, if it is. */
  setHoldings(applianceId: string, holdings: Holdings | undefined): number | undefined {
    const entry = this.#entry(applianceId);
    if (sameHoldings(entry.latest, holdings)) return this.missingList(applianceId);
    entry.latest = holdings;
    refresh(entry);
    return this.missingList(applianceId);
  }

  /** Takes a plan's rendition list. The last two per appliance are kept: one in use, one on its way. */
  setList({ applianceId, planVersion, renditions }: PlanRenditions): void {
    const entry = this.#entry(applianceId);
    entry.lists.delete(planVersion);
    entry.lists.set(planVersion, renditions);
    for (const version of [...entry.lists.keys()].slice(0, -LISTS_KEPT)) entry.lists.delete(version);
    refresh(entry);
  }

  /** The plan version of the latest holdings when its list is not here. */
  missingList(applianceId: string): number | undefined {
    const entry = this.#appliances.get(applianceId);
    if (entry?.latest === undefined || entry.latest.planVersion === 0) return undefined;
    return fittingList(entry) === undefined ? entry.latest.planVersion : undefined;
  }

  /** How much of a title an appliance holds. */
  held(applianceId: string, title: CatalogueTitle): Held {
    const entry = this.#appliances.get(applianceId);
    if (entry?.latest === undefined) return { kind: 'nothing', because: 'has no plan yet and tells no holdings' };
    const known = entry.shares.get(title.id);
    if (known !== undefined) return known;
    const held = heldOf(entry, title);
    entry.shares.set(title.id, held);
    return held;
  }

  /** A new catalogue may have given a title other renditions. */
  forgetShares(): void {
    for (const entry of this.#appliances.values()) entry.shares.clear();
  }

  forget(applianceId: string): void {
    this.#appliances.delete(applianceId);
  }

  #entry(applianceId: string): ApplianceHoldings {
    let entry = this.#appliances.get(applianceId);
    if (entry === undefined) {
      entry = { latest: undefined, levels: undefined, lists: new Map(), shares: new Map() };
      this.#appliances.set(applianceId, entry);
    }
    return entry;
  }
}

/** The list that the latest holdings count over; one of another length belongs to another planner's plan. */
function fittingList({ latest, lists }: ApplianceHoldings): readonly string[] | undefined {
  const list = latest === undefined ? undefined : lists.get(latest.planVersion);
  return list?.length === latest?.renditionCount ? list : undefined;
}

function refresh(entry: ApplianceHoldings): void {
  const list = fittingList(entry);
  if (entry.latest === undefined || entry.latest.planVersion === 0) {
    entry.levels = undefined;
  } else if (list !== undefined) {
    const levels = decodeHoldings(entry.latest);
    entry.levels = new Map(list.map((renditionId, index) => [renditionId, levels[index] ?? 'none']));
  }
  entry.shares.clear();
}

function heldOf(entry: ApplianceHoldings, title: CatalogueTitle): Held {
  const { latest, levels } = entry;
  if (latest === undefined || latest.planVersion === 0)
    return { kind: 'nothing', because: 'has no plan yet and tells no holdings' };
  if (levels === undefined)
    return { kind: 'unknown', because: `the rendition list of its plan ${latest.planVersion} is not here yet` };
  const media = title.renditions.filter(({ kind }) => kind !== 'manifest');
  const counted = media.length > 0 ? media : title.renditions;
  let heldBytes = 0;
  let totalBytes = 0;
  let any = false;
  for (const rendition of counted) {
    const level = levels.get(rendition.id) ?? 'none';
    // An empty rendition still counts as something to hold.
    const sizeBytes = Math.max(1, rendition.sizeBytes);
    any ||= level !== 'none';
    heldBytes += sizeBytes * SHARE_OF_LEVEL[level];
    totalBytes += sizeBytes;
  }
  if (!any) return { kind: 'nothing', because: 'holds nothing of the title' };
  return { kind: 'known', share: heldBytes / totalBytes };
}

function sameHoldings(a: Holdings | undefined, b: Holdings | undefined): boolean {
  return (
    a === b ||
    (a !== undefined &&
      b !== undefined &&
      a.planVersion === b.planVersion &&
      a.renditionCount === b.renditionCount &&
      a.levels === b.levels)
  );
}
