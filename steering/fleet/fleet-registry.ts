import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import type { Clock } from '../../src/world/world.ts';
import type { Candidate, Held } from '../ranking/candidate.ts';
import { exclude } from '../ranking/exclude.ts';
import { ApplianceSlots } from './appliance-slots.ts';
import { judgeLeases, type LeaseFacts } from './leases.ts';
import { PlaceOrders } from './place-orders.ts';

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
}

/** An appliance as a decision sees it, but for what it holds, which depends on the title. */
export type FleetMember = Omit<Candidate, 'held'> & {
  readonly clusterId: string;
  readonly lastHeardAtMs: number;
  /** Its number in the arrays of the view and of HeldTitles. */
  readonly slot: number;
};

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
}

interface Entry {
  heartbeat: Heartbeat;
  lastHeardMs: number;
  lastHeardAtMs: number;
  leaseEndsMs: number;
  restored: boolean;
  /** Instances that ended, newest last: a late packet of one of them is not a restart. */
  readonly pastInstances: string[];
}

const MAX_APPLIANCES_KNOWN = 10_000;
const MAX_PAST_INSTANCES = 4;
/** How long a view may tell an old silence; who is in and who is out is exact. */
const LONGEST_VIEW_MS = 1000;

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

  constructor(options: FleetRegistryOptions) {
    this.#options = options;
    this.#slots = options.slots ?? new ApplianceSlots();
  }

  /**
   * Puts in an appliance known from before our own restart: doubtful for one lease, then judged like the others.
   * @param lastHeardAtMs wall-clock time
   */
  restore(heartbeat: Heartbeat, lastHeardAtMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#entries.set(heartbeat.applianceId, {
      heartbeat,
      lastHeardMs: nowMs,
      lastHeardAtMs,
      leaseEndsMs: nowMs + this.#options.leaseMs,
      restored: true,
      pastInstances: [],
    });
    this.#forgetView();
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
    const nowMs = clock.monotonicMs();
    this.#entries.set(heartbeat.applianceId, {
      heartbeat,
      lastHeardMs: nowMs,
      lastHeardAtMs: clock.nowMs(),
      leaseEndsMs: nowMs + leaseMs,
      restored: false,
      pastInstances,
    });
    if (entry === undefined || entry.restored || saysMoreThanLoad(entry.heartbeat, heartbeat)) this.#forgetView();
    else this.#viewEndsMs = Math.min(this.#viewEndsMs, this.#viewMadeMs + (this.#options.viewLagMs ?? 0));
    return outcome;
  }

  /** The fleet now. The same object while nothing is heard and no lease ends, for a second at the longest. */
  view(): FleetView {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#view === undefined || nowMs >= this.#viewEndsMs) {
      this.#view = this.#makeView(nowMs);
      this.#viewMadeMs = nowMs;
      this.#viewEndsMs = this.#nextChangeMs(nowMs);
    }
    return this.#view;
  }

  /** Drops who has been silent for `silentMs` (a box that was scrapped). @returns the ids */
  forgetSilent(silentMs: number): string[] {
    const nowMs = this.#options.clock.monotonicMs();
    const gone = [...this.#entries].filter(([, entry]) => nowMs - entry.lastHeardMs > silentMs).map(([id]) => id);
    for (const id of gone) {
      this.#entries.delete(id);
      this.#slots.giveBack(id);
    }
    if (gone.length > 0) this.#forgetView();
    return gone;
  }

  #forgetView(): void {
    this.#view = undefined;
    this.#orders = undefined;
  }

  #nextChangeMs(nowMs: number): number {
    let nextMs = nowMs + LONGEST_VIEW_MS;
    for (const { leaseEndsMs } of this.#entries.values()) {
      for (const changeMs of [leaseEndsMs, leaseEndsMs + this.#options.preserveMs])
        if (changeMs > nowMs && changeMs < nextMs) nextMs = changeMs;
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

  #makeView(nowMs: number): FleetView {
    const facts: LeaseFacts[] = [...this.#entries].map(([id, entry]) => ({
      id,
      leaseEndsMs: entry.leaseEndsMs,
      lastHeardMs: entry.lastHeardMs,
      saidGoodbye: entry.heartbeat.state === 'draining' || entry.heartbeat.state === 'drained',
      restored: entry.restored,
    }));
    const { leaseMs, preserveMs } = this.#options;
    const { leases, preserving } = judgeLeases(facts, nowMs, { togetherMs: 2 * leaseMs, preserveMs });
    const members = [...this.#entries.values()]
      .map((entry) => {
        const { applianceId } = entry.heartbeat;
        const lease = leases.get(applianceId) ?? { kind: 'expired', silentMs: 0 };
        return toMember(entry, lease, this.#slots.take(applianceId));
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#orders ??= new PlaceOrders(members);
    return makeView(members, preserving, this.#orders);
  }
}

/**
 * @param members in the order of their ids
 * @param orders of the same members, where they are at hand
 */
export function makeView(
  members: readonly FleetMember[],
  preserving: boolean,
  orders: PlaceOrders = new PlaceOrders(members),
): FleetView {
  const end = members.reduce((most, { slot }) => Math.max(most, slot + 1), 0);
  const bySlot = Array.from({ length: end }, (): FleetMember | undefined => undefined);
  const canServe = new Uint8Array(end);
  for (const member of members) {
    bySlot[member.slot] = member;
    canServe[member.slot] = Number(exclude({ ...member, held: HOLDS_ALL }) === undefined);
  }
  const serving = members.filter(
    ({ lease, state, healthy }) => lease.kind !== 'expired' && state === 'serving' && healthy,
  );
  const idsOf = (some: readonly FleetMember[]): string[] => some.map(({ id }) => id);
  const bySite = Map.groupBy(serving, ({ siteId }) => siteId);
  return {
    members,
    byId: new Map(members.map((member) => [member.id, member])),
    bySlot,
    membersBySite: Map.groupBy(members, ({ siteId }) => siteId),
    canServe,
    orders,
    servingIds: idsOf(serving),
    serving: new Set(idsOf(serving)),
    servingIdsBySite: new Map([...bySite].map(([siteId, some]) => [siteId, idsOf(some)])),
    preserving,
  };
}

function toMember({ heartbeat, lastHeardAtMs }: Entry, lease: FleetMember['lease'], slot: number): FleetMember {
  const { health, load, capacity } = heartbeat;
  return {
    id: heartbeat.applianceId,
    slot,
    siteId: heartbeat.siteId,
    clusterId: heartbeat.clusterId,
    baseUrl: heartbeat.publicUrl,
    lease,
    state: heartbeat.state,
    healthy: health.healthy,
    healthReasons: health.reasons,
    egressBitsPerSec: load.egressBitsPerSec,
    activeRequests: load.activeRequests,
    softEgressBitsPerSec: capacity.softEgressBitsPerSec,
    hardEgressBitsPerSec: capacity.hardEgressBitsPerSec,
    maxActiveRequests: capacity.maxActiveRequests,
    lastHeardAtMs,
  };
}

const HOLDS_ALL: Held = { kind: 'known', share: 1 };

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

/** The candidate that a member is for one title. */
export const toCandidate = (member: FleetMember, held: Held): Candidate => ({ ...member, held });
