import type { Clock } from '../../../src/world/world.ts';
import type { FleetMember } from '../fleet-registry.ts';

/** Who saw it: the appliance itself, its silence, the reports of players, an operator, or steering from its numbers. */
export type Witness = 'heartbeat' | 'lease' | 'players' | 'operator' | 'steering';

export interface JournalEntry {
  /** Wall-clock time. */
  readonly atMs: number;
  readonly by: Witness;
  /** What changed, in words. */
  readonly what: string;
}

/** Enough to see a day of a box that is restarted every quarter of an hour. */
const ENTRIES_KEPT = 100;
/** A box that flaps with every heartbeat must not push everything else out of its own journal. */
const MAX_WORDS = 200;

/**
 * What changed of each appliance, when, and who said so: for the operator who asks at nine why nobody was sent to a box
 * at seven. It is written by comparing views, so it tells what decisions saw and not what arrived; load is no change.
 * Kept in memory only: the log has it for longer.
 */
export class ApplianceJournal {
  readonly #clock: Clock;
  readonly #entries = new Map<string, JournalEntry[]>();
  readonly #seen = new Map<string, FleetMember>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(applianceId: string, by: Witness, what: string): void {
    const entries = this.#entries.get(applianceId) ?? [];
    entries.push({ atMs: this.#clock.nowMs(), by, what: what.slice(0, MAX_WORDS) });
    if (entries.length > ENTRIES_KEPT) entries.shift();
    this.#entries.set(applianceId, entries);
  }

  /** Notes what is different from the last time. */
  compare(members: readonly FleetMember[]): void {
    for (const member of members) {
      const before = this.#seen.get(member.id);
      this.#seen.set(member.id, member);
      if (before === member) continue;
      if (before === undefined) this.note(member.id, 'steering', `known, ${inWords(member)}`);
      else for (const [by, what] of changes(before, member)) this.note(member.id, by, what);
    }
  }

  /** Oldest first. */
  of(applianceId: string): readonly JournalEntry[] {
    return this.#entries.get(applianceId) ?? [];
  }

  forget(applianceId: string): void {
    this.#entries.delete(applianceId);
    this.#seen.delete(applianceId);
  }
}

const inWords = ({ state, lease, healthy, siteId }: FleetMember): string =>
  `${state}${healthy ? '' : ', not well'}, lease ${lease.kind}, site ${siteId}`;

function changes(before: FleetMember, now: FleetMember): Array<[Witness, string]> {
  const told: Array<[Witness, string]> = [];
  if (before.lease.kind !== now.lease.kind) told.push(['lease', leaseInWords(now.lease)]);
  if (before.state !== now.state) told.push(['heartbeat', `${before.state} to ${now.state}`]);
  if (before.healthy !== now.healthy)
    told.push([
      'heartbeat',
      now.healthy ? 'well' : `not well: ${now.healthReasons.join('; ') || 'it gives no reason'}`,
    ]);
  else if (!now.healthy && before.healthReasons.join() !== now.healthReasons.join())
    told.push(['heartbeat', `still not well: ${now.healthReasons.join('; ')}`]);
  if (before.siteId !== now.siteId) told.push(['heartbeat', `moved from site ${before.siteId} to ${now.siteId}`]);
  if (before.baseUrl !== now.baseUrl) told.push(['heartbeat', `its URL is ${now.baseUrl}, was ${before.baseUrl}`]);
  if (before.softwareVersion !== now.softwareVersion)
    told.push(['heartbeat', `software ${now.softwareVersion}, was ${before.softwareVersion}`]);
  if (before.withheld !== now.withheld) told.push(['operator', now.withheld ?? 'no longer withheld']);
  if (before.atHardLimit !== now.atHardLimit)
    told.push(['steering', now.atHardLimit ? 'at its hard limit' : 'below its hard limit again']);
  if (before.capacityShare === 1 && now.capacityShare < 1) told.push(['steering', 'begins to warm up']);
  if (before.capacityShare < 1 && now.capacityShare === 1) told.push(['steering', 'has all of its capacity']);
  return told;
}

function leaseInWords(lease: FleetMember['lease']): string {
  if (lease.kind === 'current') return 'heard again';
  return lease.kind === 'doubtful' ? `in doubt: ${lease.because}` : `silent for ${Math.round(lease.silentMs / 1000)} s`;
}
