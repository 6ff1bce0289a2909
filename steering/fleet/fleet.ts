import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { nominalBitsPerSec } from './admission/nominal-bitrate.ts';
import { PlacedSessions } from './admission/placed-sessions.ts';
import { FleetRegistry, type HeartbeatOutcome } from './fleet-registry.ts';
import type { FleetStore } from './fleet-store.ts';
import type { HeldTitles } from './held-titles.ts';
import { ApplianceJournal, type JournalEntry } from './presence/appliance-journal.ts';
import type { CapacityRules } from './presence/capacity-state.ts';
import { HeartbeatRates } from './presence/heartbeat-rates.ts';
import { ListeningTime, TICK_MS } from './presence/listening-time.ts';

export interface FleetOptions {
  readonly world: World;
  readonly logger: Logger;
  readonly store: FleetStore;
  readonly heldTitles: HeldTitles;
  readonly leaseMs: number;
  readonly preserveMs: number;
  readonly capacity: CapacityRules;
  /** Which share of its title's highest bitrate a session is taken to need until it is measured. */
  readonly newSessionShare: number;
  /** Why operators withhold an appliance, or undefined; after a change `refresh` is called. */
  readonly withheld: (standing: Standing) => string | undefined;
  /** This process stood still. */
  readonly onStall: (stalledMs: number) => void;
  /** A heartbeat counts over a plan whose rendition list is not here. */
  readonly onMissingList: (applianceId: string, planVersion: number) => void;
  /** An appliance was silent for so long that nothing of it is kept. */
  readonly onForgotten: (applianceId: string) => void;
}

const KEEP_MS = 1000;
/** Of heartbeats with the holdings of large plans eight are written at a time, which takes a millisecond or two. */
const WRITE_MS = 100;
const WRITE_CHARS = 256 * 1024;
/** Thousands of heartbeats a second must not mean thousands of views. */
const VIEW_LAG_MS = 100;
/** An appliance that was silent for a month was scrapped. */
const FORGET_MS = 30 * 86_400_000;

/** Where an appliance stands, as far as an operator's orders go. */
interface Standing {
  readonly id: string;
  readonly clusterId: string;
  readonly siteId: string;
}

/** The fleet as one: who is there (registry), what they hold, and what survives a restart (store). */
export class Fleet implements Service {
  readonly #options: FleetOptions;
  readonly #registry: FleetRegistry;
  readonly #listening: ListeningTime;
  readonly #rates = new HeartbeatRates();
  readonly #placed: PlacedSessions;
  readonly #journal: ApplianceJournal;
  readonly #ticking: PeriodicTask;
  readonly #keeping: PeriodicTask;
  readonly #writing: PeriodicTask;
  #keepingFails = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { world, leaseMs, preserveMs, capacity, withheld, heldTitles } = options;
    this.#listening = new ListeningTime(world.clock, leaseMs / 2);
    this.#placed = new PlacedSessions({ silentAfterMs: leaseMs });
    this.#journal = new ApplianceJournal(world.clock);
    this.#registry = new FleetRegistry({
      clock: world.clock,
      leaseMs,
      preserveMs,
      slots: heldTitles.slots,
      viewLagMs: VIEW_LAG_MS,
      listening: this.#listening,
      capacity,
      withheld,
      pendingBitsPerSec: () => {
        this.#placed.reserve(heldTitles.slots.end);
        return this.#placed.pendingBitsPerSec;
      },
    });
    this.#ticking = new PeriodicTask(world, TICK_MS, () => Promise.resolve(this.#tick()));
    this.#keeping = new PeriodicTask(world, KEEP_MS, () => Promise.resolve(this.#keep()));
    this.#writing = new PeriodicTask(world, WRITE_MS, () => Promise.resolve(this.#write(WRITE_CHARS)));
  }

  /** Brings back the last known fleet, then keeps what is heard. */
  async start(): Promise<void> {
    for (const { heartbeat, heardAtMs } of this.#options.store.load()) {
      this.#registry.restore(heartbeat, heardAtMs);
      this.#noteHoldings(heartbeat);
    }
    await this.#ticking.start();
    await this.#keeping.start();
    await this.#writing.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([this.#ticking, this.#keeping, this.#writing].map((task) => task.stop(deadlineMs)));
    this.#keep();
    this.#write();
  }

  take(heartbeat: Heartbeat): HeartbeatOutcome | 'too-often' {
    if (!this.#rates.admit(heartbeat.applianceId, this.#options.world.clock.monotonicMs())) return 'too-often';
    const outcome = this.#registry.accept(heartbeat);
    if (outcome === 'out-of-order' || outcome === 'fleet-full') return outcome;
    this.#options.store.note(heartbeat, this.#options.world.clock.nowMs());
    this.#noteHoldings(heartbeat);
    const slot = this.#options.heldTitles.slots.find(heartbeat.applianceId);
    if (slot !== undefined) this.#placed.measured(slot, this.#options.world.clock.monotonicMs());
    if (outcome === 'restarted') this.#journal.note(heartbeat.applianceId, 'heartbeat', 'restarted');
    return outcome;
  }

  /**
   * A session was told to begin at this appliance.
   * @param isPlaying its player says that it is there already
   */
  place(sessionId: string, applianceId: string, title: CatalogueTitle, isPlaying: boolean): void {
    const slot = this.#options.heldTitles.slots.find(applianceId);
    if (slot === undefined) return;
    const bitsPerSec = isPlaying ? 0 : nominalBitsPerSec(title) * this.#options.newSessionShare;
    this.#placed.place(sessionId, slot, bitsPerSec, this.#options.world.clock.monotonicMs());
  }

  /** Who is withheld has changed. */
  refresh(): void {
    this.#registry.refresh();
  }

  /** Players' reports have changed what is thought of an appliance. */
  noteByPlayers(applianceId: string, what: string): void {
    if (this.#registry.view().byId.has(applianceId)) this.#journal.note(applianceId, 'players', what);
  }

  /** What changed of an appliance, oldest first. */
  journalOf(applianceId: string): readonly JournalEntry[] {
    return this.#journal.of(applianceId);
  }

  view(): ReturnType<FleetRegistry['view']> {
    return this.#registry.view();
  }

  #noteHoldings({ applianceId, holdings }: Heartbeat): void {
    const { heldTitles, onMissingList } = this.#options;
    const missing = heldTitles.setHoldings(applianceId, holdings);
    if (missing !== undefined) onMissingList(applianceId, missing);
  }

  #tick(): void {
    const stalledMs = this.#listening.tick();
    if (stalledMs > 0) this.#options.onStall(stalledMs);
  }

  #keep(): void {
    const { store, heldTitles, onForgotten, world } = this.#options;
    const { members, byId } = this.#registry.view();
    this.#journal.compare(members);
    this.#placed.passOverSilent(world.clock.monotonicMs());
    for (const id of this.#registry.forgetSilent(FORGET_MS)) {
      const slot = byId.get(id)?.slot;
      if (slot !== undefined) this.#placed.forget(slot);
      this.#journal.forget(id);
      this.#rates.forget(id);
      heldTitles.forget(id);
      onForgotten(id);
      this.#withStore(() => store.forget(id));
    }
  }

  #write(maxChars?: number): void {
    this.#withStore(() => this.#options.store.flush(maxChars));
  }

  /** A disk that takes nothing costs the memory of a restart, not the service. */
  #withStore(use: () => void): void {
    try {
      use();
      this.#keepingFails = false;
    } catch (error) {
      if (!isOperational(error)) throw error;
      if (!this.#keepingFails) this.#options.logger.error({ error }, 'the fleet cannot be kept for a restart');
      this.#keepingFails = true;
    }
  }
}
