import type { ApplianceTrigger, TriggerReport } from '../../src/contracts/trigger-list.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { World } from '../../src/world/world.ts';
import { triggerPinId } from '../calendar/calendar-document.ts';
import type { Pin } from '../calendar/calendar-facts.ts';
import type { CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { parseTriggerCommand, type TriggerCommand } from './trigger-command.ts';
import { isFinal, type TriggerError, type TriggerStatus } from './trigger-status.ts';
import type { StoredTrigger, TriggerNode, TriggerStore, TriggerWork } from './trigger-store.ts';

/**
 * What becomes of triggers (RFC 8007) in this fleet.
 *
 *   invalidate, purge   for every appliance, since anybody may hold what viewers asked for; done by each, told by each
 *   preposition         a pin of the renditions that the URLs are of, which the next plans take up; then for each
 *                       appliance whose plan names them, done when it holds them
 *
 * Nothing is pushed: appliances stand behind an ISP's firewall and ask every few seconds. One that is away is waited
 * for; one that left the fleet is not; one that comes back later is given what it missed for as long as triggers are
 * kept. A sender sees and touches only what is his own: his triggers, and content under his prefixes.
 */
export interface TriggerOwner {
  readonly name: string;
  /** Path prefixes of his content; `/` is all. */
  readonly prefixes: readonly string[];
}

export const OPERATOR: TriggerOwner = { name: 'operator', prefixes: ['/'] };
/** Who deletes retired titles. */
export const CALENDAR: TriggerOwner = { name: 'calendar', prefixes: ['/'] };

export interface TriggerDeskParts {
  readonly store: TriggerStore;
  readonly calendar: CalendarStore;
  readonly catalog: Pick<CatalogStore, 'renditions' | 'filesOf' | 'renditionOf'>;
  readonly applianceIds: () => readonly string[];
  /** Which appliances' newest plans name which of these renditions. Yields how many plans are read. */
  readonly readHolders: (
    renditionIds: ReadonlySet<string>,
  ) => Generator<number, ReadonlyMap<string, readonly string[]>>;
  /** Other things are pinned than before: a cycle is due, and a fill window for so long where one was asked for. */
  readonly onPinned: (fillNowMinutes?: number) => void;
  readonly world: World;
  readonly cdnId: string;
  readonly retentionMs: number;
}

/** What came of a command. */
export type CommandOutcome =
  | { readonly kind: 'created'; readonly triggerId: string }
  | { readonly kind: 'not-yours'; readonly what: string }
  /** As RFC 8007 section 4.3: everything is at its end, or something still goes on. */
  | { readonly kind: 'cancelled' | 'cancelling' }
  | { readonly kind: 'unknown'; readonly triggerId: string };

/** How long a preposition holds its content; after that it stays for as long as it is worth its place. */
const PIN_MS = 14 * 86_400_000;
/** Open triggers of one sender; beyond that he waits. */
const MAX_OPEN = 1000;
/** Of one sender, those that are done or failed from the start included, until they are forgotten or he deletes them. */
const MAX_KEPT = 20_000;
const MAX_KEPT_BYTES = 256 * 2 ** 20;
/** Renditions that one sender holds by his prepositions at one time: every plan reads all of them. */
const MAX_PINS = 20_000;
const MAX_PATHS = 200_000;
const MAX_ERROR_URLS = 100;

export class TriggerDesk {
  readonly #parts: TriggerDeskParts;

  constructor(parts: TriggerDeskParts) {
    this.#parts = parts;
  }

  /** @throws ContractError for what is no command; OperationalError OVERLOADED, VOLUME_* */
  take(owner: TriggerOwner, body: unknown): CommandOutcome {
    const { store, cdnId, world } = this.#parts;
    const parsed = parseTriggerCommand(body, cdnId);
    if (parsed.kind === 'cancel') return this.#cancel(owner, parsed.triggerIds);
    if (store.openCount(owner.name) >= MAX_OPEN)
      throw new OperationalError('OVERLOADED', `${owner.name} has ${MAX_OPEN} triggers that are not done`);
    const kept = store.keptOf(owner.name);
    if (kept.count >= MAX_KEPT || kept.bytes >= MAX_KEPT_BYTES)
      throw new OperationalError('OVERLOADED', `${kept.count} triggers of ${owner.name} are kept: delete what is done`);
    const triggerId = world.random.uuid();
    if (parsed.kind === 'failed') {
      this.#create(triggerId, owner, parsed, EMPTY, parsed.errors, []);
      return { kind: 'created', triggerId };
    }
    const foreign = this.#foreign(owner, parsed.command);
    if (foreign !== undefined) return { kind: 'not-yours', what: foreign };
    if (parsed.command.type === 'preposition') this.#preposition(triggerId, owner, parsed);
    else {
      const work = this.#workOf(parsed.command);
      this.#create(triggerId, owner, parsed, work, [], parsed.command.hasContent ? this.#parts.applianceIds() : []);
    }
    return { kind: 'created', triggerId };
  }

  /** Purges paths everywhere under a name of ours; the same name again changes nothing. */
  purgePaths(triggerId: string, paths: readonly string[], ccid: string): void {
    const specification = { type: 'purge', 'content.ccid': [ccid] };
    const work = { paths: paths.slice(0, MAX_PATHS), patterns: [], tags: [] };
    this.#create(triggerId, CALENDAR, { specification, type: 'purge' }, work, [], this.#parts.applianceIds());
  }

  view(owner: TriggerOwner, triggerId: string): { trigger: StoredTrigger; nodes: TriggerNode[] } | undefined {
    const trigger = this.#ownTrigger(owner, triggerId);
    return trigger && { trigger, nodes: this.#parts.store.nodes(triggerId) };
  }

  /** All of them are the operator's to see, and to take back: what a sender began keeps the appliances busy. */
  list(owner: TriggerOwner): { triggerId: string; status: TriggerStatus; modifiedAtMs: number }[] {
    return this.#parts.store.list(owner === OPERATOR ? undefined : owner.name);
  }

  /** Forgets a trigger; what is not begun is not begun (RFC 8007 section 4.4). @returns whether it was there */
  delete(owner: TriggerOwner, triggerId: string): boolean {
    if (this.#ownTrigger(owner, triggerId) === undefined) return false;
    this.#unpin(triggerId);
    this.#parts.store.delete(triggerId);
    return true;
  }

  openFor(applianceId: string): ApplianceTrigger[] {
    return this.#parts.store.openFor(applianceId, this.#parts.world.clock.nowMs());
  }

  report({ applianceId, results }: TriggerReport): void {
    this.#parts.store.report(applianceId, results, this.#parts.world.clock.nowMs());
  }

  /**
   * After a plan cycle: prepositions meet the appliances whose plans took them up, and old triggers are forgotten. Yields
   * how many plans it has read; what is taken back meanwhile is left alone, and what comes meanwhile waits.
   */
  *afterCycle(): Generator<number, void> {
    const { store, readHolders, catalog, world, retentionMs, applianceIds, calendar } = this.#parts;
    const nowMs = world.clock.nowMs();
    const asked = new Map(
      store
        .unassigned()
        .map(({ triggerId, work }) => [triggerId, Map.groupBy(work.paths, (path) => catalog.renditionOf(path) ?? '')]),
    );
    const all = yield* readHolders(new Set([...asked.values()].flatMap((byRendition) => [...byRendition.keys()])));
    for (const trigger of store.unassigned()) {
      const { triggerId, work, errors } = trigger;
      const byRendition = asked.get(triggerId);
      if (byRendition === undefined) continue;
      const holders = new Map(
        [...all]
          .map(
            ([applianceId, renditionIds]) =>
              [applianceId, renditionIds.flatMap((renditionId) => byRendition.get(renditionId) ?? [])] as const,
          )
          .filter(([, paths]) => paths.length > 0),
      );
      const planned = new Set([...holders.values()].flat());
      const left = work.paths.filter((path) => !planned.has(path));
      const isPinned = calendar.facts.pins.some(({ id }) => id.startsWith(triggerPinId(triggerId, '')));
      // A cycle that was under way when the trigger came does not know of it, and a plan may not be out yet.
      if (holders.size === 0 && isPinned && nowMs - trigger.createdAtMs < UNPLANNED_AFTER_MS) continue;
      const lacking: TriggerError[] = left.length === 0 ? [] : [contentError(left, 'no appliance has room for it')];
      store.assign(triggerId, holders, [...errors, ...lacking], nowMs);
    }
    store.forgetAllBut(new Set(applianceIds()), nowMs);
    store.trim(nowMs - retentionMs);
  }

  #preposition(
    triggerId: string,
    owner: TriggerOwner,
    parsed: { specification: object; type: string; command: TriggerCommand },
  ): void {
    const { catalog, calendar, world, onPinned } = this.#parts;
    const { urls, ccids } = parsed.command;
    const ofTitles = this.#pathsOfTitles(ccids);
    const unknown = [
      ...urls.filter(({ path }) => catalog.renditionOf(path) === undefined).map(({ given }) => given),
      ...ccids.filter((ccid) => !ofTitles.has(ccid)),
    ];
    const paths = [
      ...urls.map(({ path }) => path).filter((path) => catalog.renditionOf(path) !== undefined),
      ...[...ofTitles.values()].flat(),
    ];
    const errors =
      unknown.length === 0 ? [] : [contentError(unknown, "it is in no title of the catalogue: 'oca title add' first")];
    // Its errors make it fail at its end; what is known is brought all the same.
    if (paths.length === 0) {
      this.#create(triggerId, owner, parsed, EMPTY, errors, []);
      return;
    }
    const nowMs = world.clock.nowMs();
    const reason = `preposition by ${owner.name}`;
    const pins = [...new Set(paths.map((path) => catalog.renditionOf(path) ?? ''))].map(
      (renditionId): Pin => ({
        id: triggerPinId(triggerId, renditionId),
        subject: { by: 'rendition', renditionId },
        part: 'whole',
        place: { by: 'everywhere' },
        endsAtMs: nowMs + PIN_MS,
        reason,
      }),
    );
    const pinCount = calendar.facts.pins.filter((pin) => pin.reason === reason).length;
    if (pinCount + pins.length > MAX_PINS)
      throw new OperationalError('OVERLOADED', `${owner.name} holds ${pinCount} renditions by prepositions already`);
    // The pins first: a crash between the two leaves content that is held for two weeks, not a trigger that never ends.
    calendar.add({ pins }, nowMs);
    const work = { paths: [...new Set(paths)].slice(0, MAX_PATHS), patterns: [], tags: [] };
    this.#create(triggerId, owner, parsed, work, errors, [], false);
    onPinned(owner === OPERATOR ? parsed.command.fillNowMinutes : undefined);
  }

  #create(
    triggerId: string,
    owner: TriggerOwner,
    { specification, type }: { specification: object; type: string },
    work: TriggerWork,
    errors: readonly TriggerError[],
    nodes: readonly string[],
    isAssigned = true,
  ): void {
    this.#parts.store.create({
      triggerId,
      owner: owner.name,
      type,
      specification,
      work,
      status: errors.length > 0 && isAssigned ? 'failed' : 'pending',
      errors,
      createdAtMs: this.#parts.world.clock.nowMs(),
      isAssigned,
      nodes,
    });
  }

  #cancel(owner: TriggerOwner, triggerIds: readonly string[]): CommandOutcome {
    const { store, world } = this.#parts;
    for (const triggerId of triggerIds)
      if (this.#ownTrigger(owner, triggerId) === undefined) return { kind: 'unknown', triggerId };
    const statuses = triggerIds.map((triggerId) => {
      const before = store.find(triggerId)?.status;
      if (before !== undefined && !isFinal(before)) this.#unpin(triggerId);
      return store.cancel(triggerId, world.clock.nowMs());
    });
    return { kind: statuses.includes('cancelling') ? 'cancelling' : 'cancelled' };
  }

  #unpin(triggerId: string): void {
    const prefix = triggerPinId(triggerId, '');
    if (this.#parts.calendar.remove('pin', (key) => key.startsWith(prefix)).length > 0) this.#parts.onPinned();
  }

  #ownTrigger(owner: TriggerOwner, triggerId: string): StoredTrigger | undefined {
    const trigger = this.#parts.store.find(triggerId);
    return owner === OPERATOR || trigger?.owner === owner.name ? trigger : undefined;
  }

  #workOf({ urls, patterns, ccids }: TriggerCommand): TriggerWork {
    const ofTitles = this.#pathsOfTitles(ccids);
    const paths = [...new Set([...urls.map(({ path }) => path), ...[...ofTitles.values()].flat()])];
    if (paths.length > MAX_PATHS)
      throw new OperationalError('OVERLOADED', `${paths.length} paths in one trigger: name a pattern, or fewer titles`);
    return { paths, patterns: [...patterns], tags: ccids.filter((ccid) => !ofTitles.has(ccid)) };
  }

  /** The paths of titles, in one search; of those that the catalogue has. */
  #pathsOfTitles(titleIds: readonly string[]): Map<string, string[]> {
    const { catalog } = this.#parts;
    const wanted = new Set(titleIds);
    const found = new Map<string, string[]>();
    for (const { id, titleId } of wanted.size === 0 ? [] : catalog.renditions()) {
      if (!wanted.has(titleId)) continue;
      const paths = found.get(titleId) ?? [];
      for (const { path } of catalog.filesOf(id)) paths.push(path);
      found.set(titleId, paths);
    }
    return found;
  }

  /** The first thing in a command that is not this sender's. */
  #foreign({ prefixes }: TriggerOwner, { urls, patterns, ccids }: TriggerCommand): string | undefined {
    if (prefixes.includes('/')) return undefined;
    const isOwn = (path: string): boolean => prefixes.some((prefix) => path.startsWith(prefix));
    const ofTitles = this.#pathsOfTitles(ccids);
    return (
      urls.find(({ path }) => !isOwn(path))?.given ??
      // What stands before the first wildcard, in its own case, says where a pattern can reach.
      patterns.find(({ pattern, caseSensitive }) => !caseSensitive || !isOwn(pattern.split(/[*?$]/, 1)[0] ?? ''))
        ?.pattern ??
      ccids.find((ccid) => ofTitles.get(ccid)?.every(isOwn) !== true)
    );
  }
}

/** A pin that no plan took up for so long will not be taken up; new plans may wait for their canaries meanwhile. */
const UNPLANNED_AFTER_MS = 6 * 3_600_000;
const EMPTY: TriggerWork = { paths: [], patterns: [], tags: [] };

const contentError = (urls: readonly string[], description: string): TriggerError => ({
  error: 'econtent',
  'content.urls': urls.slice(0, MAX_ERROR_URLS),
  description,
});
