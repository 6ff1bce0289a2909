import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import type { Clock } from '../../src/world/world.ts';
import type { Appliance, Lease } from '../ranking/candidate.ts';
import { absenceOf, hasRoom } from '../ranking/exclude.ts';
import { ApplianceSlots } from './appliance-slots.ts';
import { PlaceOrders } from './place-orders.ts';
import {
  afterHeartbeat,
  type CapacityRules,
  type CapacityState,
  capacityShareAt,
  stillRecovering,
  WARM,
} from './presence/capacity-state.ts';
import { CURRENT, judgeLeases, type LeaseFacts, type LeaseVerdicts } from './presence/leases.ts';

/** What became of a heartbeat. Out of order: older than one that we have, of the same instance or of one before. */
export type HeartbeatOutcome = 'accepted' | 'joined' | 'restarted' | 'out-of-order' | 'fleet-full';

export interface FleetRegistryOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Longest that appliances which vanished together are kept as doubtful. */
  readonly preserveMs: number;
  readonly slots?: ApplianceSlots;
  /** How long a view may lag behind what heartbeats say of load; who comes, goes or changes state is seen at once. */
  readonly viewLagMs?: number;
  /** Time that leases are judged by, see ListeningTime; by default the clock's. */
  readonly listening?: { nowMs(): number };
  readonly capacity?: CapacityRules;
  /** Why operators withhold an appliance, or undefined. */
  readonly withheld?: (standing: { id: string; clusterId: string; siteId: string }) => string | undefined;
  /** By slot: what sessions that were just placed will take. */
  readonly pendingBitsPerSec?: () => Float64Array;
}

/** An appliance as a decision sees it, and what else the fleet knows of it. */
export interface FleetMember extends Appliance {
  readonly clusterId: string;
  readonly lastHeardAtMs: number;
  /** Its number in the arrays of the view and of HeldTitles. */
  readonly slot: number;
}

/** The fleet at one moment; it never changes. */
export interface FleetView {
  readonly members: readonly FleetMember[];
  readonly byId: ReadonlyMap<string, FleetMember>;
  readonly bySlot: readonly (FleetMember | undefined)[];
  readonly membersBySite: ReadonlyMap<string, readonly FleetMember[]>;
  /** By slot: 1 for those that nothing but the title's absence would exclude. */
  readonly canServe: Uint8Array;
  readonly orders: PlaceOrders;
  /** Ids of those that serve and are well, in the order of their ids: what an answer without a ranking is made of. */
  readonly servingIds: readonly string[];
  readonly serving: ReadonlySet<string>;
  readonly servingIdsBySite: ReadonlyMap<string, readonly string[]>;
  /** Many vanished together and are kept, see leases.ts. */
  readonly preserving: boolean;
  /** By slot; the one thing in a view that goes on moving, see PlacedSessions. */
  readonly pendingBitsPerSec: Float64Array;
}

interface Entry {
  heartbeat: Heartbeat;
  lastHeardMs: number;
  lastHeardAtMs: number;
  leaseEndsMs: number;
  restored: boolean;
  capacity: CapacityState;
  /** See leases.ts. */
  graceEndsMs: number | undefined;
  /** In the last view. */
  withheld: string | undefined;
  /** In the last view its lease had run out, for good. */
  wasExpired: boolean;
  /** As the last view had it, and why it did not count as well there. */
  member: FleetMember | undefined;
  recovering: string | undefined;
  /** Instances that ended, newest last: a late packet of one of them is not a restart. */
  readonly pastInstances: string[];
}

const MAX_APPLIANCES_KNOWN = 10_000;
const MAX_PAST_INSTANCES = 4;
/** How long a view may tell an old silence; who is in and who is out is exact. */
const LONGEST_VIEW_MS = 1000;
/**
 * Even what is seen at once waits until the view in use is so old. After a restart, or when a region comes back,
 * thousands are heard for the first time within seconds, and a view of two thousand takes a millisecond: one for every
 * decision between two of them would be all of the core.
 */
const APPLIANCES_PER_MS = 100;
/** Everybody has all of his capacity at once. */
const NO_WARMING_UP: CapacityRules = { warmUpShare: 1, warmUpMs: 0, wellAfterMs: 0 };

/**
 * Who is in the fleet, from heartbeats with leases by monotonic time: a wall clock that is set must not expire anybody.
 * Restarts are told from pauses by the instance id; within an instance only a higher sequence counts.
 */
export class FleetRegistry {
  readonly #options: FleetRegistryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #slots: ApplianceSlots;
  #view: FleetView | undefined;
  #viewEndsMs = 0;
  #viewMadeMs = 0;
  #orders: PlaceOrders | undefined;
  #sortedIds: readonly string[] | undefined;
  readonly #capacity: CapacityRules;
  readonly #listening: { nowMs(): number };
  readonly #startedMs: number;
  /** See LeaseRules. */
  #hearingSinceMs: number | undefined;
  #lastLeaseEndsMs = Number.NEGATIVE_INFINITY;

  constructor(options: FleetRegistryOptions) {
    this.#options = options;
    this.#slots = options.slots ?? new ApplianceSlots();
    this.#capacity = options.capacity ?? NO_WARMING_UP;
    this.#listening = options.listening ?? { nowMs: () => options.clock.monotonicMs() };
    this.#startedMs = this.#listening.nowMs();
  }

  /**
   * Puts in an appliance known from before our own restart: doubtful for one lease, then judged like the others.
   * @param lastHeardAtMs wall-clock time
   */
  restore(heartbeat: Heartbeat, lastHeardAtMs: number): void {
    const nowMs = this.#listening.nowMs();
    const moment = { nowMs, isCold: false, wasServing: true };
    this.#entries.set(heartbeat.applianceId, {
      heartbeat,
      lastHeardMs: nowMs,
      lastHeardAtMs,
      leaseEndsMs: nowMs + this.#options.leaseMs,
      restored: true,
      capacity: afterHeartbeat(WARM, heartbeat, moment),
      graceEndsMs: undefined,
      withheld: undefined,
      wasExpired: false,
      member: undefined,
      recovering: undefined,
      pastInstances: [],
    });
    this.#sortedIds = undefined;
    this.refresh();
  }

  accept(heartbeat: Heartbeat): HeartbeatOutcome {
    const { clock, leaseMs } = this.#options;
    const entry = this.#entries.get(heartbeat.applianceId);
    const outcome = this.#judge(entry, heartbeat);
    if (outcome === 'out-of-order' || outcome === 'fleet-full') return outcome;
    const pastInstances = entry?.pastInstances ?? [];
    if (entry !== undefined && entry.heartbeat.instanceId !== heartbeat.instanceId) {
      pastInstances.push(entry.heartbeat.instanceId);
      if (pastInstances.length > MAX_PAST_INSTANCES) pastInstances.shift();
    }
    const nowMs = this.#listening.nowMs();
    const capacity = this.#capacityAfter(entry, heartbeat, { nowMs, outcome });
    this.#entries.set(heartbeat.applianceId, {
      heartbeat,
      lastHeardMs: nowMs,
      lastHeardAtMs: clock.nowMs(),
      leaseEndsMs: nowMs + leaseMs,
      restored: false,
      capacity,
      graceEndsMs: undefined,
      withheld: entry?.withheld,
      wasExpired: false,
      member: undefined,
      recovering: undefined,
      pastInstances,
    });
    if (entry === undefined) this.#sortedIds = undefined;
    if (nowMs >= this.#lastLeaseEndsMs) this.#hearingSinceMs = nowMs;
    this.#lastLeaseEndsMs = nowMs + leaseMs;
    const isSeenAtOnce =
      entry === undefined ||
      entry.restored ||
      entry.leaseEndsMs <= nowMs ||
      entry.capacity.atHardLimit !== capacity.atHardLimit ||
      saysMoreThanLoad(entry.heartbeat, heartbeat);
    const lagMs = isSeenAtOnce ? Math.floor(this.#entries.size / APPLIANCES_PER_MS) : (this.#options.viewLagMs ?? 0);
    this.#viewEndsMs = Math.min(this.#viewEndsMs, this.#viewMadeMs + lagMs);
    return outcome;
  }

  /** The fleet now. The same object while nothing is heard and no lease ends, for a second at the longest. */
  view(): FleetView {
    const nowMs = this.#listening.nowMs();
    if (this.#view === undefined || nowMs >= this.#viewEndsMs) {
      this.#view = this.#makeView(nowMs);
      this.#viewMadeMs = nowMs;
      this.#viewEndsMs = this.#nextChangeMs(nowMs);
    }
    return this.#view;
  }

  /** The next view is made anew: who is withheld has changed, or who there is. */
  refresh(): void {
    this.#view = undefined;
  }

  /** Drops who has been silent for `silentMs` (a box that was scrapped). @returns the ids */
  forgetSilent(silentMs: number): string[] {
    const nowMs = this.#listening.nowMs();
    const gone = [...this.#entries].filter(([, entry]) => nowMs - entry.lastHeardMs > silentMs).map(([id]) => id);
    for (const id of gone) {
      this.#entries.delete(id);
      this.#slots.giveBack(id);
    }
    if (gone.length > 0) {
      this.#sortedIds = undefined;
      this.refresh();
    }
    return gone;
  }

  #nextChangeMs(nowMs: number): number {
    const { preserveMs } = this.#options;
    let nextMs = nowMs + LONGEST_VIEW_MS;
    for (const { leaseEndsMs, graceEndsMs = 0 } of this.#entries.values()) {
      if (leaseEndsMs > nowMs && leaseEndsMs < nextMs) nextMs = leaseEndsMs;
      if (graceEndsMs > nowMs && graceEndsMs < nextMs) nextMs = graceEndsMs;
      const preservedMs = leaseEndsMs + preserveMs;
      if (preservedMs > nowMs && preservedMs < nextMs) nextMs = preservedMs;
    }
    return nextMs;
  }

  #judge(entry: Entry | undefined, heartbeat: Heartbeat): HeartbeatOutcome {
    if (entry === undefined) return this.#entries.size >= MAX_APPLIANCES_KNOWN ? 'fleet-full' : 'joined';
    const last = entry.heartbeat;
    if (last.instanceId === heartbeat.instanceId)
      return heartbeat.sequence > last.sequence ? 'accepted' : 'out-of-order';
    return entry.pastInstances.includes(heartbeat.instanceId) ? 'out-of-order' : 'restarted';
  }

  /** Just after our own start everybody joins; nobody is cold for that. */
  #capacityAfter(
    entry: Entry | undefined,
    heartbeat: Heartbeat,
    { nowMs, outcome }: { readonly nowMs: number; readonly outcome: HeartbeatOutcome },
  ): CapacityState {
    const weJustStarted = nowMs - this.#startedMs < 2 * this.#options.leaseMs;
    const isCold = outcome === 'restarted' || entry?.wasExpired === true || (outcome === 'joined' && !weJustStarted);
    const wasServing = entry === undefined || entry.heartbeat.state === 'serving';
    return afterHeartbeat(entry?.capacity ?? WARM, heartbeat, { nowMs, isCold, wasServing });
  }

  #makeView(nowMs: number): FleetView {
    const verdicts = this.#areAllHeard(nowMs) ? undefined : this.#judgeLeases(nowMs);
    const members: FleetMember[] = [];
    this.#sortedIds ??= [...this.#entries.keys()].sort();
    for (const id of this.#sortedIds) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      const lease = verdicts === undefined ? CURRENT : (verdicts.leases.get(id) ?? { kind: 'expired', silentMs: 0 });
      entry.wasExpired = lease.kind === 'expired';
      members.push(this.#toMember(entry, lease, nowMs));
    }
    this.#orders = PlaceOrders.of(members, this.#orders);
    return makeView(members, verdicts?.preserving ?? false, {
      orders: this.#orders,
      pendingBitsPerSec: this.#options.pendingBitsPerSec?.(),
    });
  }

  /** Then there is nothing to judge, and it is so for nearly every view. */
  #areAllHeard(nowMs: number): boolean {
    for (const { leaseEndsMs, restored } of this.#entries.values()) if (restored || leaseEndsMs <= nowMs) return false;
    return true;
  }

  #judgeLeases(nowMs: number): LeaseVerdicts {
    const facts: LeaseFacts[] = [...this.#entries].map(([id, entry]) => ({
      id,
      leaseEndsMs: entry.leaseEndsMs,
      lastHeardMs: entry.lastHeardMs,
      saidGoodbye: entry.heartbeat.state === 'draining' || entry.heartbeat.state === 'drained',
      restored: entry.restored,
      graceEndsMs: entry.graceEndsMs,
    }));
    const { leaseMs, preserveMs } = this.#options;
    const rules = {
      togetherMs: 2 * leaseMs,
      overdueMs: leaseMs / 2,
      preserveMs,
      hearingSinceMs: this.#hearingSinceMs,
    };
    const verdicts = judgeLeases(facts, nowMs, rules);
    for (const id of verdicts.preserved) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) entry.graceEndsMs = nowMs + leaseMs;
    }
    return verdicts;
  }

  #toMember(entry: Entry, lease: Lease, nowMs: number): FleetMember {
    const { heartbeat, lastHeardAtMs, capacity } = entry;
    const { applianceId: id, clusterId, siteId, health, load } = heartbeat;
    const withheld = this.#options.withheld?.({ id, clusterId, siteId });
    // Whoever comes back from a drain is as cold as one that was restarted.
    if (withheld === undefined && entry.withheld !== undefined) entry.capacity = { ...capacity, warmsSinceMs: nowMs };
    entry.withheld = withheld;
    const recovering = stillRecovering(entry.capacity, nowMs, this.#capacity);
    const capacityShare = capacityShareAt(entry.capacity, nowMs, this.#capacity);
    const known = entry.member;
    // Most are as they were. Two thousand new objects for each view are old when the next one makes garbage of them.
    if (
      known?.lease === lease &&
      known.withheld === withheld &&
      known.capacityShare === capacityShare &&
      entry.recovering === recovering
    )
      return known;
    entry.recovering = recovering;
    entry.member = {
      id,
      slot: this.#slots.take(id),
      siteId,
      clusterId,
      baseUrl: heartbeat.publicUrl,
      softwareVersion: heartbeat.softwareVersion,
      lease,
      state: heartbeat.state,
      withheld,
      healthy: health.healthy && recovering === undefined,
      healthReasons: recovering === undefined ? health.reasons : [recovering],
      egressBitsPerSec: load.egressBitsPerSec,
      activeRequests: load.activeRequests,
      softEgressBitsPerSec: heartbeat.capacity.softEgressBitsPerSec,
      hardEgressBitsPerSec: heartbeat.capacity.hardEgressBitsPerSec,
      maxActiveRequests: heartbeat.capacity.maxActiveRequests,
      atHardLimit: entry.capacity.atHardLimit,
      capacityShare,
      lastHeardAtMs,
    };
    return entry.member;
  }
}

/**
 * @param members in the order of their ids
 * @param parts orders of the same members and what is pending by slot, where they are at hand
 */
export function makeView(
  members: readonly FleetMember[],
  preserving: boolean,
  parts: { readonly orders?: PlaceOrders; readonly pendingBitsPerSec?: Float64Array | undefined } = {},
): FleetView {
  const end = members.reduce((most, { slot }) => Math.max(most, slot + 1), 0);
  const bySlot = Array.from({ length: end }, (): FleetMember | undefined => undefined);
  const canServe = new Uint8Array(end);
  for (const member of members) {
    bySlot[member.slot] = member;
    canServe[member.slot] = Number(absenceOf(member) === undefined && hasRoom(member, 0));
  }
  const serving = members.filter(
    ({ lease, state, healthy, withheld }) =>
      lease.kind !== 'expired' && state === 'serving' && healthy && withheld === undefined,
  );
  const idsOf = (some: readonly FleetMember[]): string[] => some.map(({ id }) => id);
  const bySite = Map.groupBy(serving, ({ siteId }) => siteId);
  return {
    members,
    byId: new Map(members.map((member) => [member.id, member])),
    bySlot,
    membersBySite: Map.groupBy(members, ({ siteId }) => siteId),
    canServe,
    orders: parts.orders ?? new PlaceOrders(members),
    servingIds: idsOf(serving),
    serving: new Set(idsOf(serving)),
    servingIdsBySite: new Map([...bySite].map(([siteId, some]) => [siteId, idsOf(some)])),
    preserving,
    pendingBitsPerSec: parts.pendingBitsPerSec ?? new Float64Array(end),
  };
}

/** Whether a heartbeat changes more than numbers that move all the time. */
function saysMoreThanLoad(before: Heartbeat, now: Heartbeat): boolean {
  return (
    before.instanceId !== now.instanceId ||
    before.state !== now.state ||
    before.health.healthy !== now.health.healthy ||
    before.siteId !== now.siteId ||
    before.publicUrl !== now.publicUrl ||
    before.capacity.softEgressBitsPerSec !== now.capacity.softEgressBitsPerSec ||
    before.capacity.hardEgressBitsPerSec !== now.capacity.hardEgressBitsPerSec
  );
}
