import { parseHostPort } from '../src/config/parameter.ts';
import { inTurns } from '../src/resilience/in-slices.ts';
import { formatHostPort, type JsonServer, listen } from '../src/server/json-server.ts';
import type { SignatureGuard } from '../src/server/signature-guard.ts';
import type { Identity } from '../src/signing/identity.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import type { Metrics } from '../src/telemetry/metrics.ts';
import type { Timer, World } from '../src/world/world.ts';
import { addCalendarRoutes } from './api/calendar-routes.ts';
import { addNodeTriggerRoutes } from './api/node-trigger-routes.ts';
import { createTriggerListener } from './api/trigger-listener.ts';
import { addTriggerRoutes } from './api/trigger-routes.ts';
import type { CalendarStore } from './calendar/calendar-store.ts';
import { deleteRetired } from './calendar/delete-retired.ts';
import type { CatalogStore } from './catalog/catalog-store.ts';
import type { FleetStore } from './fleet/fleet-store.ts';
import type { PlanStore } from './plan/plan-store.ts';
import { OPERATOR, TriggerDesk } from './triggers/trigger-desk.ts';
import type { TriggerStore } from './triggers/trigger-store.ts';

export interface TriggerSideOptions {
  readonly config: {
    readonly triggerListen: string;
    readonly triggerTokens: string;
    readonly tlsCert: string;
    readonly tlsKey: string;
    readonly cdnId: string;
    readonly triggerRetentionDays: number;
  };
  readonly calendar: CalendarStore;
  readonly catalog: CatalogStore;
  readonly fleet: FleetStore;
  readonly plans: Pick<PlanStore, 'readHolders'>;
  readonly triggers: TriggerStore;
  readonly identity: Identity;
  readonly world: World;
  readonly logger: Logger;
  /** Plans anew, outside of the hours at which it would; opens a fill window for so long where that is given. */
  readonly runCycle: (fillNowMinutes: number | undefined) => void;
}

const DAY_MS = 86_400_000;
/** Triggers come in bunches: one cycle for all of them. */
const CYCLE_SOON_MS = 200;

/** What people and other CDNs order beside what demand says: the calendar and triggers, joined with stores and listeners. */
export class TriggerSide {
  readonly #options: TriggerSideOptions;
  readonly #desk: TriggerDesk;
  readonly #retentionMs: number;
  readonly #listener: JsonServer | undefined;
  #soon: Timer | undefined;
  #fillNowMinutes: number | undefined;

  /** @throws OperationalError CONFIG_INVALID when the listener for other CDNs would be open */
  constructor(options: TriggerSideOptions) {
    const { config, calendar, catalog, fleet, triggers, world, logger } = options;
    this.#options = options;
    this.#retentionMs = config.triggerRetentionDays * DAY_MS;
    this.#desk = new TriggerDesk({
      store: triggers,
      calendar,
      catalog,
      applianceIds: () => fleet.get().fleet.appliances.map(({ id }) => id),
      readHolders: (renditionIds) => options.plans.readHolders(renditionIds),
      onPinned: (fillNowMinutes) => this.#planSoon(fillNowMinutes),
      world,
      cdnId: config.cdnId,
      retentionMs: this.#retentionMs,
    });
    this.#listener =
      config.triggerListen === ''
        ? undefined
        : createTriggerListener({
            ...config,
            retentionMs: this.#retentionMs,
            desk: this.#desk,
            clock: world.clock,
            logger,
          });
  }

  addRoutes(service: JsonServer, admin: JsonServer, guard: SignatureGuard): void {
    const { identity, world, config } = this.#options;
    addNodeTriggerRoutes(service, { guard, desk: this.#desk, identity, clock: world.clock });
    addCalendarRoutes(admin, { ...this.#options, clock: world.clock });
    addTriggerRoutes(admin, {
      desk: this.#desk,
      prefix: '/v1/triggers',
      cdnId: config.cdnId,
      retentionMs: this.#retentionMs,
      ownerOf: () => OPERATOR,
    });
  }

  addMetrics(metrics: Metrics): void {
    const { triggers } = this.#options;
    metrics.gauge(
      'triggers_count',
      'Triggers that are kept, by status. `active` that does not end: `oca trigger list --state active` and show tell which appliance does not answer.',
      ['status'],
      (gauge) => {
        gauge.reset();
        for (const { status, count } of triggers.countByStatus()) gauge.set({ status }, count);
      },
    );
  }

  /** Before plans are made: what is over goes. */
  beforeCycle(): void {
    const { calendar, catalog, logger, world } = this.#options;
    const nowMs = world.clock.nowMs();
    const purge = (triggerId: string, paths: readonly string[], titleId: string): void =>
      this.#desk.purgePaths(triggerId, paths, titleId);
    deleteRetired({ calendar, catalog, purge, logger }, nowMs);
    calendar.trim(nowMs);
  }

  /** After plans were made: prepositions meet the appliances that they are for. */
  async afterCycle(): Promise<void> {
    await inTurns(this.#desk.afterCycle(), 1);
  }

  /** @returns where other CDNs send triggers; nothing when they do not */
  async listen(): Promise<Record<string, string>> {
    if (this.#listener === undefined) return {};
    const { config } = this.#options;
    const scheme = config.tlsCert === '' ? 'http' : 'https';
    const address = await listen(this.#listener, parseHostPort(config.triggerListen));
    return { triggers: `${scheme}://${formatHostPort(address)}` };
  }

  async close(): Promise<void> {
    this.#soon?.cancel();
    await this.#listener?.close();
  }

  #planSoon(fillNowMinutes: number | undefined): void {
    this.#soon?.cancel();
    if (fillNowMinutes !== undefined) this.#fillNowMinutes = Math.max(fillNowMinutes, this.#fillNowMinutes ?? 0);
    this.#soon = this.#options.world.clock.setTimer(CYCLE_SOON_MS, () => {
      const minutes = this.#fillNowMinutes;
      this.#fillNowMinutes = undefined;
      this.#options.runCycle(minutes);
    });
  }
}
