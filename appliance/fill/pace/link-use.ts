import { join } from 'node:path';
import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import type { FillReport } from '../../../src/contracts/fill-report.ts';
import { byteCountSchema, epochMsSchema } from '../../../src/contracts/ids.ts';
import { messageOf } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../../src/resilience/periodic-task.ts';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';

/**
 * What crossed the site's link for this appliance, by five minutes, over 32 days' worth of them and over restarts: a
 * month's cap of the plan is counted by it, and the planner learns how a link's billed percentile comes about.
 *
 * All slots are one file, written every five minutes; the one that runs is another, written every two seconds while it
 * grows. `kill -9` loses what came within these: as bytes 2 s of the window's rate.
 *
 * A clock that lies must not give a cap a second time: nothing is forgotten for its age, which a machine that starts
 * with a clock a year ahead would see in all of it. The slots are as many as they may be, and the first ones go.
 */
export type LinkSlot = NonNullable<FillReport['linkUse']>[number];

const SLOT_MS = 300_000;
const KEPT_SLOTS = 32 * 288;
const KEEP_EVERY_MS = 2000;
/** A report may have got lost: so many slots are told again. */
const TOLD_SLOTS = 24;
/** Caps are sixteen at the most. */
const MAX_SUMS = 64;

const slotSchema = z.object({
  slotStartMs: epochMsSchema.multipleOf(SLOT_MS),
  fillBytes: byteCountSchema,
  missBytes: byteCountSchema,
});
const keptSchema = z.object({ version: z.literal(1), slots: z.array(slotSchema).max(KEPT_SLOTS + 1) });

interface Slot {
  readonly slotStartMs: number;
  fillBytes: number;
  missBytes: number;
}

export class LinkUse implements Service {
  readonly #world: World;
  readonly #logger: Logger;
  readonly #pastFile: string;
  readonly #nowFile: string;
  readonly #task: PeriodicTask;
  /** The oldest first. */
  #slots = new Map<number, Slot>();
  /** Sums that were asked for since fill bytes came last: an asker goes through a thousand files at a time. */
  readonly #sums = new Map<string, number>();
  #isChanged = false;
  #running: Slot | undefined;
  #keptAll: Slot | undefined;

  constructor(stateDir: string, parts: { readonly world: World; readonly logger: Logger }) {
    this.#world = parts.world;
    this.#logger = parts.logger;
    this.#pastFile = join(stateDir, 'link-use.json');
    this.#nowFile = join(stateDir, 'link-use-now.json');
    this.#task = new PeriodicTask(parts.world, KEEP_EVERY_MS, () => Promise.resolve(this.#keep()));
  }

  async start(): Promise<void> {
    for (const file of [this.#pastFile, this.#nowFile]) this.#load(file);
    this.#slots = new Map([...this.#slots].sort(([a], [b]) => a - b));
    await this.#task.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#task.stop(deadlineMs);
    this.#keep();
  }

  /** Bytes came across the link. @param purpose for the plan, or for a viewer who waited */
  crossed(purpose: 'fill' | 'miss', bytes: number): void {
    const slot = this.#slotNow();
    if (purpose === 'fill') {
      slot.fillBytes += bytes;
      this.#sums.clear();
    } else slot.missBytes += bytes;
    this.#isChanged = true;
  }

  /** Bytes for the plan in all slots that reach into an interval: rather too many than too few. */
  fillBytes(sinceMs: number, untilMs: number): number {
    const asked = `${sinceMs} ${untilMs}`;
    const known = this.#sums.get(asked);
    if (known !== undefined) return known;
    let sum = 0;
    for (const { slotStartMs, fillBytes } of this.#slots.values()) {
      if (slotStartMs + SLOT_MS > sinceMs && slotStartMs < untilMs) sum += fillBytes;
    }
    if (this.#sums.size >= MAX_SUMS) this.#sums.clear();
    this.#sums.set(asked, sum);
    return sum;
  }

  /** The last slots, the newest last; none of a clock that was ahead. */
  told(): LinkSlot[] {
    const nowMs = this.#world.clock.nowMs();
    const past = [...this.#slots.values()].filter(({ slotStartMs }) => slotStartMs <= nowMs);
    return past.slice(-TOLD_SLOTS).map((slot) => ({ ...slot }));
  }

  #slotNow(): Slot {
    const nowMs = this.#world.clock.nowMs();
    const slotStartMs = nowMs - (nowMs % SLOT_MS);
    if (this.#running?.slotStartMs === slotStartMs) return this.#running;
    const slot = this.#slots.get(slotStartMs) ?? { slotStartMs, fillBytes: 0, missBytes: 0 };
    this.#slots.set(slotStartMs, slot);
    this.#running = slot;
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= KEPT_SLOTS) break;
      this.#slots.delete(oldest);
    }
    return slot;
  }

  #keep(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const running = this.#running;
    try {
      if (running !== this.#keptAll) {
        writeStateFile(this.#pastFile, { version: 1, slots: [...this.#slots.values()] }, { durable: false });
        this.#keptAll = running;
      }
      writeStateFile(this.#nowFile, { version: 1, slots: running === undefined ? [] : [running] }, { durable: false });
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'what crossed the link is not remembered by a restart');
    }
  }

  #load(file: string): void {
    try {
      const document = readStateFile(file);
      if (document === undefined) return;
      for (const slot of parseContract('link use', keptSchema, document).slots) {
        const known = this.#slots.get(slot.slotStartMs);
        this.#slots.set(slot.slotStartMs, {
          slotStartMs: slot.slotStartMs,
          fillBytes: Math.max(slot.fillBytes, known?.fillBytes ?? 0),
          missBytes: Math.max(slot.missBytes, known?.missBytes ?? 0),
        });
      }
    } catch (error) {
      this.#logger.warn({ error: messageOf(error), file }, 'what crossed the link before is not known any more');
    }
  }
}
