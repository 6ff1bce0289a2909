import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { PlanRenditions } from '../../src/contracts/fill-plan.ts';
import type { Holdings } from '../../src/contracts/holdings.ts';
import { atOnce } from '../../src/resilience/in-slices.ts';
import type { Held } from '../ranking/candidate.ts';
import { heldClassOf, WHOLE_CLASS } from '../ranking/held-class.ts';
import { ApplianceSlots } from './appliance-slots.ts';
import { NO_TITLE, RenditionIndex } from './rendition-index.ts';

/**
 * What each appliance holds of each title. A heartbeat carries two bits per rendition of a plan's list and the plan's
 * version; the list comes once from the planner. While the list of a new plan is on its way (or the planner away), the
 * last pair of list and bits that fitted together goes on counting: what an appliance held a minute ago it mostly still
 * holds.
 *
 * A decision must find the few holders of a title among thousands of appliances in microseconds, and during a fill every
 * heartbeat of every appliance says something new. So both ends are kept ready: per appliance the bytes held of each
 * title, which a heartbeat changes only where its bits changed, and per title one byte per appliance that says how much
 * of it is there. For 2,000 appliances and 10,000 titles that is 180 MB.
 */
export class HeldTitles {
  readonly slots: ApplianceSlots;
  readonly #appliances = new Map<string, ApplianceHoldings>();
  readonly #bySlot: (ApplianceHoldings | undefined)[] = [];
  #index = new RenditionIndex();
  /** By title: a byte per slot, see HOLDS_NOTHING. Made when the first appliance holds something of it. */
  readonly #marks: (Uint8Array | undefined)[] = [];
  /** By slot: 1 where holdings are not known. */
  #unknown = new Uint8Array(FIRST_SLOTS);
  readonly #planned = new WeakMap<Uint32Array, { readonly index: RenditionIndex; readonly titles: Uint8Array }>();

  constructor(slots: ApplianceSlots = new ApplianceSlots()) {
    this.slots = slots;
  }

  /** The titles that there are from now on, at once. */
  setCatalogue(titles: Iterable<CatalogueTitle>): void {
    atOnce(this.changeCatalogue(titles));
  }

  /**
   * The same in steps: two thousand appliances with lists of a hundred thousand renditions are counted for a second.
   * Meanwhile each counts by the catalogue by which it was counted last. @yields steps in names looked up, or as long
   */
  *changeCatalogue(titles: Iterable<CatalogueTitle>): Generator<number, void> {
    const next = yield* this.#index.with(titles);
    this.#index = next;
    for (const entry of this.#appliances.values()) {
      this.#recount(entry, next);
      yield Math.ceil((next.titleCount + (entry.counted?.list.length ?? 0)) / COUNTED_PER_NAME);
    }
  }

  /** Takes the holdings of a heartbeat. @returns the plan version whose rendition list is needed, if it is. */
  setHoldings(applianceId: string, holdings: Holdings | undefined): number | undefined {
    const entry = this.#entry(applianceId);
    if (!sameHoldings(entry.latest, holdings)) {
      entry.latest = holdings;
      this.#refresh(entry);
    }
    return this.missingList(applianceId);
  }

  /** Takes a plan's rendition list, at once. The last two per appliance are kept: one in use, one on its way. */
  setList(list: PlanRenditions): void {
    atOnce(this.takeList(list));
  }

  /** The same in steps. @yields how many names were looked up */
  *takeList({ applianceId, planVersion, renditions }: PlanRenditions): Generator<number, void> {
    const list = new Uint32Array(renditions.length);
    for (const [position, id] of renditions.entries()) {
      list[position] = this.#index.renditionNumber(id);
      if (position % RENDITIONS_PER_STEP === RENDITIONS_PER_STEP - 1) yield RENDITIONS_PER_STEP;
    }
    const entry = this.#entry(applianceId);
    entry.lists.delete(planVersion);
    entry.lists.set(planVersion, list);
    for (const version of [...entry.lists.keys()].slice(0, -LISTS_KEPT)) entry.lists.delete(version);
    this.#refresh(entry);
  }

  /** The plan version of the latest holdings when its list is not here. */
  missingList(applianceId: string): number | undefined {
    const entry = this.#appliances.get(applianceId);
    if (entry?.latest === undefined || entry.latest.planVersion === 0) return undefined;
    return fittingList(entry) === undefined ? entry.latest.planVersion : undefined;
  }

  /** How much of a title an appliance holds. */
  held(applianceId: string, titleId: string): Held {
    const entry = this.#appliances.get(applianceId);
    return entry === undefined ? NO_PLAN : this.#heldOf(entry, this.#index.titleNumber(titleId));
  }

  /** Whether a plan of the appliance wants something of a title there, held or not. */
  isPlanned(applianceId: string, titleId: string): boolean {
    const title = this.#index.titleNumber(titleId);
    const entry = this.#appliances.get(applianceId);
    if (title === undefined || entry === undefined) return false;
    for (const list of entry.lists.values())
      if ((this.#plannedIn(list)[title >> 3] ?? 0) & (1 << (title & 7))) return true;
    return false;
  }

  /** Who may have a title, for a look at many appliances: by slot. */
  holdersOf(titleId: string): Holders {
    const title = this.#index.titleNumber(titleId);
    return { title, marks: title === undefined ? undefined : this.#marks[title], unknown: this.#unknown };
  }

  /** The same as `held`, but for a whole title to a thousandth, and without looking for names. */
  heldAt(slot: number, { title, marks }: Holders): Held {
    if ((marks?.[slot] ?? HOLDS_NOTHING) > WHOLE_CLASS) return HOLDS_WHOLE;
    const entry = this.#bySlot[slot];
    return entry === undefined ? NO_PLAN : this.#heldOf(entry, title);
  }

  forget(applianceId: string): void {
    const entry = this.#appliances.get(applianceId);
    if (entry === undefined) return;
    this.#clear(entry);
    this.#unknown[entry.slot] = 0;
    this.#appliances.delete(applianceId);
    this.#bySlot[entry.slot] = undefined;
  }

  /** A bit per title: who asks for every decision must not go through the list each time. */
  #plannedIn(list: Uint32Array): Uint8Array {
    const known = this.#planned.get(list);
    if (known?.index === this.#index) return known.titles;
    const titles = new Uint8Array((this.#index.titleCount >> 3) + 1);
    for (const rendition of list) {
      const title = this.#index.titleOf(rendition);
      if (title !== NO_TITLE) titles[title >> 3] = (titles[title >> 3] ?? 0) | (1 << (title & 7));
    }
    this.#planned.set(list, { index: this.#index, titles });
    return titles;
  }

  #heldOf(entry: ApplianceHoldings, title: number | undefined): Held {
    if (entry.latest === undefined || entry.latest.planVersion === 0) return NO_PLAN;
    if (entry.counted === undefined)
      return { kind: 'unknown', because: `the rendition list of its plan ${entry.latest.planVersion} is not here yet` };
    const share = title === undefined ? 0 : this.#shareOf(entry, title);
    return share === 0 ? HOLDS_NO_PART : { kind: 'known', share };
  }

  #entry(applianceId: string): ApplianceHoldings {
    const known = this.#appliances.get(applianceId);
    if (known !== undefined) return known;
    const slot = this.slots.take(applianceId);
    const entry: ApplianceHoldings = {
      slot,
      latest: undefined,
      counted: undefined,
      lists: new Map(),
      index: this.#index,
      heldTenths: new Float64Array(this.#index.titleCount),
    };
    this.#appliances.set(applianceId, entry);
    this.#bySlot[slot] = entry;
    if (slot >= this.#unknown.length) this.#grow(slot);
    return entry;
  }

  /** Brings what is counted to what was heard last. */
  #refresh(entry: ApplianceHoldings): void {
    const { latest } = entry;
    const list = fittingList(entry);
    if (latest === undefined || latest.planVersion === 0) this.#clear(entry);
    else if (list !== undefined) {
      const levels = Buffer.from(latest.levels, 'base64');
      if (entry.counted?.list === list) this.#countChanges(entry, entry.counted, levels);
      else {
        this.#clear(entry);
        entry.counted = { list, levels };
        this.#countAll(entry);
        for (const title of titlesOf(list, entry.index)) this.#mark(entry, title);
      }
    }
    this.#unknown[entry.slot] = Number(latest !== undefined && latest.planVersion !== 0 && entry.counted === undefined);
  }

  #clear(entry: ApplianceHoldings): void {
    const { counted } = entry;
    entry.counted = undefined;
    if (counted === undefined) return;
    entry.heldTenths.fill(0);
    for (const title of titlesOf(counted.list, entry.index)) this.#mark(entry, title);
  }

  #countAll({ counted, heldTenths, index }: ApplianceHoldings): void {
    if (counted === undefined) return;
    const { list, levels } = counted;
    for (let position = 0; position < list.length; position += 1) {
      const tenths = tenthsAt(levels, position);
      if (tenths === 0) continue;
      const rendition = list[position] ?? 0;
      const title = index.titleOf(rendition);
      if (title !== NO_TITLE) heldTenths[title] = (heldTenths[title] ?? 0) + tenths * index.bytesOf(rendition);
    }
  }

  /** By another catalogue. Of most titles it says what the one before said, and their marks stay. */
  #recount(entry: ApplianceHoldings, index: RenditionIndex): void {
    const { index: indexBefore, heldTenths: before } = entry;
    entry.index = index;
    entry.heldTenths = new Float64Array(index.titleCount);
    this.#countAll(entry);
    for (let title = 0; title < index.titleCount; title += 1) {
      const isSame =
        (before[title] ?? 0) === entry.heldTenths[title] && indexBefore.totalBytes(title) === index.totalBytes(title);
      if (!isSame) this.#mark(entry, title);
    }
  }

  #countChanges(entry: ApplianceHoldings, counted: Counted, levels: Uint8Array): void {
    const changed = new Set<number>();
    for (let byte = 0; byte * 4 < counted.list.length; byte += 1) {
      if ((counted.levels[byte] ?? 0) === (levels[byte] ?? 0)) continue;
      const end = Math.min(counted.list.length, byte * 4 + 4);
      for (let position = byte * 4; position < end; position += 1) {
        const rendition = counted.list[position] ?? 0;
        const title = entry.index.titleOf(rendition);
        const more = tenthsAt(levels, position) - tenthsAt(counted.levels, position);
        if (title === NO_TITLE || more === 0) continue;
        entry.heldTenths[title] = (entry.heldTenths[title] ?? 0) + more * entry.index.bytesOf(rendition);
        changed.add(title);
      }
    }
    entry.counted = { list: counted.list, levels };
    for (const title of changed) this.#mark(entry, title);
  }

  #shareOf({ heldTenths, index }: ApplianceHoldings, title: number): number {
    const totalBytes = index.totalBytes(title);
    return totalBytes === 0 ? 0 : (heldTenths[title] ?? 0) / (TENTHS * totalBytes);
  }

  #mark(entry: ApplianceHoldings, title: number): void {
    const share = this.#shareOf(entry, title);
    const mark = share === 0 ? HOLDS_NOTHING : 1 + heldClassOf(share);
    const marks = this.#marks[title];
    if (marks !== undefined) marks[entry.slot] = mark;
    else if (mark !== HOLDS_NOTHING) {
      const fresh = new Uint8Array(this.#unknown.length);
      fresh[entry.slot] = mark;
      this.#marks[title] = fresh;
    }
  }

  #grow(slot: number): void {
    let length = this.#unknown.length;
    while (length <= slot) length *= 2;
    this.#unknown = grown(this.#unknown, length);
    for (const [title, marks] of this.#marks.entries()) {
      if (marks !== undefined) this.#marks[title] = grown(marks, length);
    }
  }
}

/** Read at once and not kept: the arrays change with the next heartbeat. */
export interface Holders {
  /** The title's number; undefined when the catalogue has none of this id. */
  readonly title: number | undefined;
  /** HOLDS_NOTHING, or 1 and the class of what is held (held-class.ts). Undefined when nobody holds anything. */
  readonly marks: Uint8Array | undefined;
  readonly unknown: Uint8Array;
}

export const HOLDS_NOTHING = 0;

interface Counted {
  readonly list: Uint32Array;
  /** Two bits per position of the list. */
  readonly levels: Uint8Array;
}

interface ApplianceHoldings {
  readonly slot: number;
  latest: Holdings | undefined;
  /** The last list and bits that fitted together. */
  counted: Counted | undefined;
  /** Rendition lists by plan version, the newest last, in the numbers of RenditionIndex. */
  readonly lists: Map<number, Uint32Array>;
  /** The catalogue by which it is counted. */
  index: RenditionIndex;
  /** By title: bytes held times ten, so that sums stay whole numbers. */
  heldTenths: Float64Array;
}

const FIRST_SLOTS = 64;
const LISTS_KEPT = 2;
const RENDITIONS_PER_STEP = 1000;
/** Numbers that are added up in the time in which a name is looked up. */
const COUNTED_PER_NAME = 50;
const TENTHS = 10;
/** How much of a rendition counts as held at each level: none, head, part, whole. */
const TENTHS_OF_LEVEL = [0, 1, 5, 10] as const;
const HOLDS_WHOLE: Held = { kind: 'known', share: 1 };
const NO_PLAN: Held = { kind: 'nothing', because: 'has no plan yet and tells no holdings' };
const HOLDS_NO_PART: Held = { kind: 'nothing', because: 'holds nothing of the title' };

function tenthsAt(levels: Uint8Array, position: number): number {
  return TENTHS_OF_LEVEL[((levels[position >> 2] ?? 0) >> ((position & 3) * 2)) & 3] ?? 0;
}

function titlesOf(list: Uint32Array, index: RenditionIndex): Set<number> {
  const titles = new Set<number>();
  for (const rendition of list) titles.add(index.titleOf(rendition));
  titles.delete(NO_TITLE);
  return titles;
}

/** The list that the latest holdings count over; one of another length belongs to another planner's plan. */
function fittingList({ latest, lists }: ApplianceHoldings): Uint32Array | undefined {
  const list = latest === undefined ? undefined : lists.get(latest.planVersion);
  return list?.length === latest?.renditionCount ? list : undefined;
}

function grown(from: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(length);
  to.set(from);
  return to;
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
