import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { FleetRegistry, type HeartbeatOutcome } from './fleet-registry.ts';
import type { FleetStore } from './fleet-store.ts';
import type { HeldTitles } from './held-titles.ts';

export interface FleetOptions {
  readonly world: World;
  readonly logger: Logger;
  readonly store: FleetStore;
  readonly heldTitles: HeldTitles;
  readonly leaseMs: number;
  readonly preserveMs: number;
  /** A heartbeat counts over a plan whose rendition list is not here. */
  readonly onMissingList: (applianceId: string, planVersion: number) => void;
  /** An appliance was silent for so long that nothing of it is kept. */
  readonly onForgotten: (applianceId: string) => void;
}

const FLUSH_MS = 1000;
/** Thousands of heartbeats a second must not mean thousands of views. */
const VIEW_LAG_MS = 100;
/** An appliance that was silent for a month was scrapped. */
const FORGET_MS = 30 * 86_400_000;

/** The fleet as one: who is there (registry), what they hold, and what survives a restart (store). */
export class Fleet implements Service {
  readonly #options: FleetOptions;
  readonly #registry: FleetRegistry;
  readonly #keeping: PeriodicTask;
  #keepingFails = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { world, leaseMs, preserveMs } = options;
    this.#registry = new FleetRegistry({
      clock: world.clock,
      leaseMs,
      preserveMs,
      slots: options.heldTitles.slots,
      viewLagMs: VIEW_LAG_MS,
    });
    this.#keeping = new PeriodicTask(world, FLUSH_MS, () => Promise.resolve(this.#keep()));
  }

  /** Brings back the last known fleet, then keeps what is heard. */
  async start(): Promise<void> {
    for (const { heartbeat, heardAtMs } of this.#options.store.load()) {
      this.#registry.restore(heartbeat, heardAtMs);
      this.#noteHoldings(heartbeat);
    }
    await this.#keeping.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#keeping.stop(deadlineMs);
    this.#keep();
  }

  take(heartbeat: Heartbeat): HeartbeatOutcome {
    const outcome = this.#registry.accept(heartbeat);
    if (outcome === 'out-of-order' || outcome === 'fleet-full') return outcome;
    this.#options.store.note(heartbeat, this.#options.world.clock.nowMs());
    this.#noteHoldings(heartbeat);
    return outcome;
  }

  view(): ReturnType<FleetRegistry['view']> {
    return this.#registry.view();
  }

  #noteHoldings({ applianceId, holdings }: Heartbeat): void {
    const { heldTitles, onMissingList } = this.#options;
    const missing = heldTitles.setHoldings(applianceId, holdings);
    if (missing !== undefined) onMissingList(applianceId, missing);
  }

  /** A disk that takes nothing costs the memory of a restart, not the service. */
  #keep(): void {
    const { store, heldTitles, logger, onForgotten } = this.#options;
    try {
      for (const id of this.#registry.forgetSilent(FORGET_MS)) {
        heldTitles.forget(id);
        onForgotten(id);
        store.forget(id);
      }
      store.flush();
      this.#keepingFails = false;
    } catch (error) {
      if (!isOperational(error)) throw error;
      if (!this.#keepingFails) logger.error({ error }, 'the fleet cannot be kept for a restart');
      this.#keepingFails = true;
    }
  }
}
