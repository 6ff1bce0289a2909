import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { SiteTable } from '../sites/site-table.ts';
import { MaintenanceWindows } from './maintenance-windows.ts';
import { type Scope, type Standing, type Withholding, wordsOf } from './withholding.ts';
import type { WithholdingStore } from './withholding-store.ts';

/**
 * Who is withheld from players now: what operators drain, at once or by schedule, and the regular maintenance windows
 * of the table of sites.
 *
 * A drain that somebody has to take back is one that somebody forgets, and a site that is idle for a month costs more
 * than the work that it was drained for. So every order has an end: the one that was asked for, or a default one, which
 * is told with the answer; and no order is longer than `LONGEST_MS`. Times are of the wall clock, because operators
 * mean dates; an order that began or ended while steering was not running is in force or over when it starts again.
 *
 * An order works also when the disk takes nothing: whoever pulls a cable in five minutes needs the drain and not the
 * memory of it. The answer then says that a restart forgets it.
 */
export interface WithholdingsOptions {
  readonly world: World;
  readonly logger: Logger;
  readonly store: WithholdingStore;
  readonly sites: () => SiteTable;
  /** How long an order lasts that names no end. */
  readonly defaultMs: number;
  /** Who is withheld has changed. */
  readonly onChange: () => void;
}

/** What an operator asks for; without a start it begins now. */
export interface WithholdingWish extends Pick<Withholding, 'name' | 'scope' | 'target' | 'why'> {
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
}

/** The longest order: as long as partners of the large networks may schedule (30 days, begun within 90). */
const DAY_MS = 86_400_000;
export const LONGEST_MS = 30 * DAY_MS;
const FARTHEST_START_MS = 90 * DAY_MS;
const MAX_WITHHOLDINGS = 1000;
const REFRESH_MS = 1000;

export type PutOutcome =
  | {
      readonly kind: 'taken';
      readonly withholding: Withholding;
      readonly endsByDefault: boolean;
      readonly kept: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** One row of what is withheld: an order, or a window that is open. */
export interface WithholdingRow extends Withholding {
  readonly state: 'planned' | 'active';
  readonly by: 'operator' | 'maintenance window';
}

export class Withholdings implements Service {
  readonly #options: WithholdingsOptions;
  readonly #orders: Map<string, Withholding>;
  readonly #windows = new MaintenanceWindows();
  readonly #refreshing: PeriodicTask;
  #active: ActiveReasons = new Map();
  #activeKey = '[]';
  #rows: readonly WithholdingRow[] = [];

  constructor(options: WithholdingsOptions) {
    this.#options = options;
    this.#orders = new Map(options.store.load().map((withholding) => [withholding.name, withholding]));
    this.#refreshing = new PeriodicTask(options.world, REFRESH_MS, () => Promise.resolve(this.refresh()));
    this.refresh();
  }

  start(): Promise<void> {
    return this.#refreshing.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#refreshing.stop(deadlineMs);
  }

  /** Why an appliance is withheld, or undefined when it is not. */
  reasonFor(standing: Standing): string | undefined {
    if (this.#active.size === 0) return undefined;
    return (
      this.#active.get(keyOf('site', standing.siteId)) ??
      this.#active.get(keyOf('cluster', standing.clusterId)) ??
      this.#active.get(keyOf('appliance', standing.id))
    );
  }

  /** Makes an order or replaces the one of the same name. */
  put(wish: WithholdingWish): PutOutcome {
    const { world, store, logger, defaultMs } = this.#options;
    const nowMs = world.clock.nowMs();
    const startMs = wish.startMs ?? nowMs;
    const endMs = wish.endMs ?? Math.max(startMs, nowMs) + defaultMs;
    const reason = this.#objection(wish.name, { startMs, endMs, nowMs });
    if (reason !== undefined) return { kind: 'refused', reason };
    const { name, scope, target, why } = wish;
    const withholding: Withholding = { name, scope, target, why, startMs, endMs, madeAtMs: nowMs };
    this.#orders.set(name, withholding);
    const kept = this.#tryToKeep(() => store.save(withholding));
    logger.info({ ...withholding, kept }, 'an operator withholds appliances');
    this.refresh();
    return { kind: 'taken', withholding, endsByDefault: wish.endMs === undefined, kept };
  }

  /** Takes an order back. @returns false when there is none of this name */
  remove(name: string): boolean {
    const { store, logger } = this.#options;
    const order = this.#orders.get(name);
    if (order === undefined) return false;
    this.#orders.delete(name);
    this.#tryToKeep(() => store.remove(name));
    logger.info({ ...order }, 'an operator takes back what was withheld');
    this.refresh();
    return true;
  }

  /** Everything that is withheld or will be, the earliest end first. */
  rows(): readonly WithholdingRow[] {
    return this.#rows;
  }

  /** Brings what is withheld to the time of day: begins, ends, opens windows. Cheap: it runs every second. */
  refresh(): void {
    const { world, sites, onChange } = this.#options;
    const nowMs = world.clock.nowMs();
    this.#endOrders(nowMs);
    this.#rows = [
      ...[...this.#orders.values()].map(
        (order): WithholdingRow => ({ ...order, state: order.startMs <= nowMs ? 'active' : 'planned', by: 'operator' }),
      ),
      ...this.#windows.open(sites(), nowMs).map(
        ({ siteId, startMs, endMs, why }): WithholdingRow => ({
          name: `maintenance-of-${siteId}`,
          scope: 'site',
          target: siteId,
          why,
          startMs,
          endMs,
          madeAtMs: startMs,
          state: 'active',
          by: 'maintenance window',
        }),
      ),
    ].sort((a, b) => a.endMs - b.endMs);
    const active = reasonsOf(this.#rows);
    const key = JSON.stringify([...active]);
    if (key === this.#activeKey) return;
    this.#active = active;
    this.#activeKey = key;
    onChange();
  }

  #endOrders(nowMs: number): void {
    const { store, logger } = this.#options;
    for (const order of this.#orders.values()) {
      if (order.endMs > nowMs) continue;
      this.#orders.delete(order.name);
      this.#tryToKeep(() => store.remove(order.name));
      logger.info({ ...order }, 'what was withheld returns: its time is over');
    }
  }

  #objection(name: string, times: { startMs: number; endMs: number; nowMs: number }): string | undefined {
    const { startMs, endMs, nowMs } = times;
    if (endMs <= startMs) return 'it ends before it begins';
    if (endMs <= nowMs) return 'its end is over already';
    if (endMs - Math.max(startMs, nowMs) > LONGEST_MS)
      return `it is longer than ${LONGEST_MS / DAY_MS} days: take the appliances out of the plan instead`;
    if (startMs - nowMs > FARTHEST_START_MS) return `it begins in more than ${FARTHEST_START_MS / DAY_MS} days`;
    if (!this.#orders.has(name) && this.#orders.size >= MAX_WITHHOLDINGS)
      return `there are ${MAX_WITHHOLDINGS} orders already: take some back`;
    return undefined;
  }

  /** @returns whether it is on the disk */
  #tryToKeep(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.error({ error }, 'an order of the operator works but cannot be kept for a restart');
      return false;
    }
  }
}

type ActiveReasons = ReadonlyMap<string, string>;

const keyOf = (scope: Scope, target: string): string => `${scope} ${target}`;

/** Of several reasons for one target the one that lasts longest is told. */
function reasonsOf(rows: readonly WithholdingRow[]): ActiveReasons {
  return new Map(
    rows.filter(({ state }) => state === 'active').map((row) => [keyOf(row.scope, row.target), wordsOf(row)]),
  );
}
