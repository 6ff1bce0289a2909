import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type TrafficSlot, trafficSlotSchema } from '../../src/contracts/traffic-report.ts';
import { isOperational, messageOf } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { SourceKind } from '../metrics.ts';

/**
 * What this appliance served and took in, by five minutes: what the ISP's savings are counted from. A slot is kept until
 * it is over and the planner has it, for a week at the most. It is one small file, written every few seconds while it
 * changes: a kill loses these seconds, and never counts anything twice.
 */
const SLOT_MS = 300_000;
const MAX_SLOTS = 7 * 288;
const KEEP_EVERY_MS = 5000;
const MAX_SENT = 300;

const startOf = (nowMs: number): number => nowMs - (nowMs % SLOT_MS);

const keptSchema = z.object({ version: z.literal(1), slots: z.array(trafficSlotSchema).max(MAX_SLOTS + 1) });

export class TrafficLedger implements Service {
  readonly #file: string;
  readonly #world: World;
  readonly #logger: Logger;
  readonly #task: PeriodicTask;
  /** By start, the oldest first. */
  readonly #slots = new Map<number, TrafficSlot>();
  #isChanged = false;

  constructor(stateDir: string, { world, logger }: { readonly world: World; readonly logger: Logger }) {
    this.#file = join(stateDir, 'traffic.json');
    this.#world = world;
    this.#logger = logger;
    this.#task = new PeriodicTask(world, KEEP_EVERY_MS, () => Promise.resolve(this.#keep()));
  }

  async start(): Promise<void> {
    this.#load();
    await this.#task.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#task.stop(deadlineMs);
    this.#keep();
  }

  /** @param passedBytes of these, what was only handed through from the origin */
  served(bytes: number, passedBytes: number): void {
    const slot = this.#slotNow();
    slot.servedBytes += bytes;
    slot.missBytes.origin += passedBytes;
  }

  /** @param purpose for the plan, or for a viewer who waits */
  took(purpose: 'fill' | 'miss', kind: SourceKind, bytes: number): void {
    const slot = this.#slotNow();
    (purpose === 'fill' ? slot.fillBytes : slot.missBytes)[kind] += bytes;
  }

  /** What the planner may not know yet, the oldest first; as it is now. */
  unsent(): TrafficSlot[] {
    return [...this.#slots.values()].slice(0, MAX_SENT).map((slot) => structuredClone(slot));
  }

  /**
   * The planner has these: forgotten is all but the slot that runs, and what was counted since. A slot that lies ahead,
   * because the clock was put back, is no exception: hundreds of them would keep all others from being sent.
   */
  acknowledged(sent: readonly TrafficSlot[]): void {
    const running = startOf(this.#world.clock.nowMs());
    for (const slot of sent) {
      const { slotStartMs } = slot;
      if (slotStartMs === running || !isDeepStrictEqual(slot, this.#slots.get(slotStartMs))) continue;
      this.#slots.delete(slotStartMs);
      this.#isChanged = true;
    }
  }

  #slotNow(): TrafficSlot {
    this.#isChanged = true;
    const slotStartMs = startOf(this.#world.clock.nowMs());
    const known = this.#slots.get(slotStartMs);
    if (known !== undefined) return known;
    const slot: TrafficSlot = {
      slotStartMs,
      servedBytes: 0,
      fillBytes: { peer: 0, tier: 0, origin: 0 },
      missBytes: { peer: 0, tier: 0, origin: 0 },
    };
    this.#slots.set(slotStartMs, slot);
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= MAX_SLOTS) break;
      this.#slots.delete(oldest);
    }
    return slot;
  }

  #keep(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    try {
      writeStateFile(this.#file, { version: 1, slots: [...this.#slots.values()] }, { durable: false });
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#logger.warn({ error }, 'cannot keep what was served: a restart will lose it for the savings report');
    }
  }

  #load(): void {
    try {
      const document = readStateFile(this.#file);
      if (document === undefined) return;
      for (const slot of parseContract('traffic ledger', keptSchema, document).slots)
        this.#slots.set(slot.slotStartMs, slot);
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'what was served before is not known any more');
    }
  }
}
