import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import type { FillPlan, FillWindow } from '../../../src/contracts/fill-plan.ts';
import { epochMsSchema } from '../../../src/contracts/ids.ts';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import type { Clock } from '../../../src/world/world.ts';
import { comingWindows } from './coming-windows.ts';
import { openWindow, untilNextWindowMs } from './fill-window.ts';

/**
 * When this appliance may fill and how fast: the plan's windows, those that repeat them while the planner is away, and
 * what the operator of this machine ordered besides. An order outlives restarts and ends by itself: a pause that is
 * forgotten would show weeks later, as an evening without hits. Only the last order counts, and on the monotonic clock
 * it never counts for longer than it was given for: a wall clock that is put back would make a pause last for years.
 */
const orderSchema = z.object({
  version: z.literal(1),
  /** pause: nothing is filled; now: a window is open, at the rate that the plan gives this appliance. */
  kind: z.enum(['pause', 'now']),
  sinceMs: epochMsSchema,
  untilMs: epochMsSchema,
});
export type FillOrder = Omit<z.infer<typeof orderSchema>, 'version'>;
const keptSchema = z.union([orderSchema, z.object({ version: z.literal(1), kind: z.literal('none') })]);

/** As long as an operator may order; a file that says more is spoilt. */
const LONGEST_ORDER_MS = 7 * 86_400_000;

export interface FillHoursOptions {
  readonly plan: () => FillPlan | undefined;
  readonly clock: Clock;
  /** Where the order is kept. */
  readonly file: string;
  /** For how many days the plan's last windows are repeated when no new plan comes. */
  readonly repeatDays: number;
}

export class FillHours {
  readonly #options: FillHoursOptions;
  readonly #listeners: (() => void)[] = [];
  #order: FillOrder | undefined;
  /** On the monotonic clock. */
  #endsAtMs = 0;

  constructor(options: FillHoursOptions) {
    this.#options = options;
  }

  /** Takes up the order of an earlier run. @throws OperationalError STATE_CORRUPT, VOLUME_IO; then there is none */
  load(): void {
    const document = readStateFile(this.#options.file);
    if (document === undefined) return;
    const kept = parseContract('order of an operator', keptSchema, document);
    if (kept.kind !== 'none') this.#take({ kind: kept.kind, sinceMs: kept.sinceMs, untilMs: kept.untilMs });
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** What the operator ordered, as long as it counts. */
  order(nowMs: number): FillOrder | undefined {
    if (this.#order === undefined || this.#options.clock.monotonicMs() >= this.#endsAtMs) return undefined;
    return nowMs < this.#order.untilMs ? this.#order : undefined;
  }

  /** The window that is open now. One of the plan goes before the operator's: the waits of its sources are over. */
  open(nowMs: number): FillWindow | undefined {
    const order = this.order(nowMs);
    if (order?.kind === 'pause') return undefined;
    const windows = this.#planned(nowMs);
    return openWindow(windows, nowMs) ?? openWindow(byHand(order, windows, nowMs), nowMs);
  }

  /** Ms until a look at the windows may find another one; undefined when none comes. */
  untilNextMs(nowMs: number): number | undefined {
    const order = this.order(nowMs);
    if (order?.kind === 'pause')
      return Math.min(order.untilMs - nowMs, this.#endsAtMs - this.#options.clock.monotonicMs());
    return untilNextWindowMs(this.#planned(nowMs), nowMs);
  }

  /** All that is open or to come, as it will be under the order, ascending; they do not overlap. For forecasts. */
  coming(nowMs: number): FillWindow[] {
    const order = this.order(nowMs);
    const windows = this.#planned(nowMs);
    const fromMs = order?.kind === 'pause' ? order.untilMs : nowMs;
    const left: FillWindow[] = [];
    for (const window of [...windows, ...byHand(order, windows, nowMs)].sort((a, b) => a.startsAtMs - b.startsAtMs)) {
      const startsAtMs = Math.max(window.startsAtMs, fromMs, left.at(-1)?.endsAtMs ?? 0);
      if (startsAtMs < window.endsAtMs) left.push({ ...window, startsAtMs });
    }
    return left;
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO: it counts, and a restart forgets it */
  pause(forMs: number): void {
    const sinceMs = this.#options.clock.nowMs();
    this.#keep({ kind: 'pause', sinceMs, untilMs: sinceMs + forMs });
  }

  /** Takes back a pause, or ends what `now` began. As `pause`. */
  resume(): void {
    this.#keep(undefined);
  }

  /** As `pause`. @returns false, and nothing has changed, when the plan gives no rate to go by */
  fillNow(forMs: number): boolean {
    const sinceMs = this.#options.clock.nowMs();
    if (nearestWindow(this.#planned(sinceMs), sinceMs) === undefined) return false;
    this.#keep({ kind: 'now', sinceMs, untilMs: sinceMs + forMs });
    return true;
  }

  #planned(nowMs: number): readonly FillWindow[] {
    return comingWindows(this.#options.plan(), nowMs, this.#options.repeatDays);
  }

  #take(order: FillOrder | undefined): void {
    this.#order = order;
    const forMs = order === undefined ? 0 : order.untilMs - order.sinceMs;
    this.#endsAtMs = this.#options.clock.monotonicMs() + Math.min(forMs, LONGEST_ORDER_MS);
  }

  #keep(order: FillOrder | undefined): void {
    this.#take(order);
    for (const listener of this.#listeners) listener();
    writeStateFile(this.#options.file, { version: 1, kind: 'none', ...order }, { durable: true });
  }
}

function byHand(order: FillOrder | undefined, windows: readonly FillWindow[], nowMs: number): FillWindow[] {
  const given = nearestWindow(windows, nowMs);
  if (order?.kind !== 'now' || given === undefined) return [];
  const { fillBitsPerSec, peerBitsPerSec, caps } = given;
  return [
    {
      startsAtMs: order.sinceMs,
      endsAtMs: order.untilMs,
      fillBitsPerSec,
      ...(peerBitsPerSec === undefined ? {} : { peerBitsPerSec }),
      ...(caps === undefined ? {} : { caps }),
    },
  ];
}

/** Whose rates and caps an order of the operator keeps to: the window that is open, else the next, else the last. */
function nearestWindow(windows: readonly FillWindow[], nowMs: number): FillWindow | undefined {
  const next = windows.find(({ endsAtMs }) => endsAtMs > nowMs);
  return openWindow(windows, nowMs) ?? next ?? windows.at(-1);
}
