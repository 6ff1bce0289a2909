import { join } from 'node:path';
import type { CommonConfig, ServiceContext } from '../src/cli/service-command.ts';
import { EnrolledService } from '../src/client/enrolled-service.ts';
import { HttpClient } from '../src/client/http-client.ts';
import type { ConfigOf } from '../src/config/parameter.ts';
import type { Heartbeat } from '../src/contracts/heartbeat.ts';
import type { RouteReport } from '../src/contracts/route-report.ts';
import { isOperational } from '../src/errors/operational-error.ts';
import { Health } from '../src/lifecycle/health.ts';
import type { ProcessService } from '../src/lifecycle/service.ts';
import { TrustedKeys } from '../src/server/trusted-keys.ts';
import { type Identity, loadOrCreateIdentity } from '../src/signing/identity.ts';
import type { SteeringState } from './answer/steer.ts';
import { SteeringServers } from './api/steering-servers.ts';
import { Catalogue } from './catalogue/catalogue.ts';
import { CatalogueStore, type KeptCatalogue } from './catalogue/catalogue-store.ts';
import { PlannerClient } from './catalogue/planner-client.ts';
import type { STEERING_PARAMETERS } from './config.ts';
import { Fleet } from './fleet/fleet.ts';
import { FleetStore } from './fleet/fleet-store.ts';
import { HeldTitles } from './fleet/held-titles.ts';
import { NO_SHARES } from './flow/site-shares.ts';
import { createSteeringMetrics, showSteeringGauges } from './metrics.ts';
import { QualitySketches } from './quality/quality-sketches.ts';
import { NO_QUALITY } from './quality/quality-view.ts';
import { PrefixFile } from './routing/prefix-file.ts';
import { RouteTable } from './routing/route-table.ts';
import { NO_SITES } from './sites/site-table.ts';

import { createUrlTokens } from './tokens/url-tokens.ts';
export type SteeringConfig = ConfigOf<typeof STEERING_PARAMETERS> & CommonConfig;

const PLANNER_TIMEOUT_MS = 10_000;
const MAX_CATALOGUE_BYTES = 512 * 2 ** 20;

/** The composition root: makes the parts, wires them, starts them, and stops them in the opposite order. */
export class SteeringService implements ProcessService {
  readonly #config: SteeringConfig;
  readonly #context: ServiceContext;
  readonly #health = new Health();
  readonly #metrics = createSteeringMetrics();
  readonly #heldTitles = new HeldTitles();
  readonly #routes: RouteTable;
  readonly #stops: Array<(deadlineMs: number) => Promise<void> | void> = [];
  #catalogue: Catalogue | undefined;
  #plannerAnsweredMs: number | undefined;
  #fleet: Fleet | undefined;
  #fleetStore: FleetStore | undefined;
  #planner: PlannerClient | undefined;
  #servers: SteeringServers | undefined;

  constructor(config: SteeringConfig, context: ServiceContext) {
    this.#config = config;
    this.#context = context;
    this.#routes = new RouteTable({ allowPrivate: config.allowPrivateRoutes });
  }

  async start(): Promise<void> {
    const { state, id } = this.#config;
    const identity = loadOrCreateIdentity(id, join(state, 'key.pem'));
    await this.#startCatalogue(identity);
    await this.#startFleet();
    await this.#startPrefixes();
    this.#showGauges();
    await this.#startServers(identity);
  }

  /** Unready, so that a balancer in front sends nobody new; whoever comes anyway is answered until the stop. */
  drain(): Promise<void> {
    this.#health.fail('stopping', 'this service is being stopped');
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    const endMs = this.#context.world.clock.monotonicMs() + deadlineMs;
    for (const stop of this.#stops.splice(0).reverse())
      await stop(Math.max(0, endMs - this.#context.world.clock.monotonicMs()));
  }

  addresses(): Readonly<Record<string, string>> {
    return this.#servers?.addresses() ?? {};
  }

  #state(): SteeringState {
    const fleet = this.#fleet;
    if (fleet === undefined) throw new Error('the servers listen before the fleet is there');
    return {
      routes: this.#routes.current(),
      fleet: fleet.view(),
      catalogue: this.#catalogue,
      heldTitles: this.#heldTitles,
      sites: NO_SITES,
      shares: NO_SHARES,
      quality: NO_QUALITY,
    };
  }

  async #startCatalogue(identity: Identity): Promise<void> {
    const { config, context } = { config: this.#config, context: this.#context };
    const { logger, world } = context;
    const store = new CatalogueStore(join(config.state, 'catalogue.sqlite'), logger);
    this.#stops.push(() => store.close());
    const kept = store.load();
    for (const list of store.loadLists()) this.#heldTitles.setList(list);
    if (kept === undefined) this.#health.fail('catalogue', 'the planner has not given a catalogue yet');
    else this.#useCatalogue(kept);
    if (config.planner === '') {
      if (kept === undefined) logger.warn({}, 'no planner is configured and no catalogue is kept: no title is known');
      return;
    }
    const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 4 });
    this.#stops.push(() => http.destroy());
    const planner = new EnrolledService({
      name: 'planner',
      baseUrl: config.planner,
      token: config.plannerToken,
      role: 'steering',
      identity,
      stateFile: join(config.state, 'planner.json'),
      http,
      world,
      logger,
      timeoutMs: PLANNER_TIMEOUT_MS,
      maxAnswerBytes: MAX_CATALOGUE_BYTES,
      allowUnsigned: config.allowUnsignedLoopback,
    });
    this.#planner = new PlannerClient(
      {
        planner,
        store,
        world,
        logger,
        pollMs: config.cataloguePollMs,
        onCatalogue: (fresh) => this.#useCatalogue(fresh),
        onList: (list) => this.#heldTitles.setList(list),
        onRound: (failure) => this.#noteRound(failure === undefined),
      },
      kept?.etag,
    );
    this.#stops.push((deadlineMs) => this.#planner?.stop(deadlineMs));
    await this.#planner.start();
  }

  #noteRound(wentWell: boolean): void {
    this.#metrics.plannerRounds.inc({ outcome: wentWell ? 'ok' : 'failed' });
    if (wentWell) this.#plannerAnsweredMs = this.#context.world.clock.monotonicMs();
  }

  #showGauges(): void {
    showSteeringGauges(this.#metrics, {
      appliances: () => {
        const counts = { current: 0, doubtful: 0, expired: 0 };
        for (const { lease } of this.#state().fleet.members) counts[lease.kind] += 1;
        return counts;
      },
      prefixes: () => this.#routes.current().size,
      unwrittenAppliances: () => this.#fleetStore?.unwritten ?? 0,
      plannerSilentSec: () =>
        this.#plannerAnsweredMs === undefined
          ? undefined
          : (this.#context.world.clock.monotonicMs() - this.#plannerAnsweredMs) / 1000,
    });
  }

  #useCatalogue({ snapshot, receivedAtMs }: KeptCatalogue): void {
    this.#catalogue = new Catalogue(snapshot, receivedAtMs);
    this.#heldTitles.setCatalogue(snapshot.titles);
    this.#health.pass('catalogue');
  }

  async #startFleet(): Promise<void> {
    const { state, leaseMs, preserveMs } = this.#config;
    const { logger } = this.#context;
    const store = new FleetStore(join(state, 'fleet.sqlite'), logger);
    this.#stops.push(() => store.close());
    for (const report of store.loadRouteReports()) this.#routes.setReport(report);
    this.#fleetStore = store;
    this.#fleet = new Fleet({
      world: this.#context.world,
      logger,
      store,
      heldTitles: this.#heldTitles,
      leaseMs,
      preserveMs,
      onMissingList: (applianceId, planVersion) => this.#planner?.want(applianceId, planVersion),
      onForgotten: (applianceId) => this.#routes.forgetReport(applianceId),
    });
    this.#stops.push((deadlineMs) => this.#fleet?.stop(deadlineMs));
    await this.#fleet.start();
  }

  async #startPrefixes(): Promise<void> {
    const { prefixes, prefixPollMs } = this.#config;
    if (prefixes === '') return;
    const file = new PrefixFile({
      file: prefixes,
      pollMs: prefixPollMs,
      world: this.#context.world,
      logger: this.#context.logger,
      onTable: (table) => this.#routes.setFileTable(table),
      onState: (problem) => this.#metrics.prefixFileBroken.set(problem === undefined ? 0 : 1),
    });
    this.#stops.push((deadlineMs) => file.stop(deadlineMs));
    await file.start();
  }

  async #startServers(identity: Identity): Promise<void> {
    const { world, logger } = this.#context;
    const trusted = new TrustedKeys(join(this.#config.state, 'trust.sqlite'), world);
    this.#stops.push(() => trusted.close());
    const quality = new QualitySketches(world.clock);
    this.#servers = new SteeringServers({
      config: this.#config,
      world,
      logger,
      health: this.#health,
      metrics: this.#metrics,
      identity,
      trusted,
      quality,
      routes: this.#routes,
      tokens: createUrlTokens(this.#config, { clock: world.clock, logger }),
      state: () => this.#state(),
      takeHeartbeat: (heartbeat) => this.#takeHeartbeat(heartbeat),
      takeRouteReport: (report) => this.#takeRouteReport(report),
    });
    this.#stops.push((deadlineMs) => this.#servers?.stop(deadlineMs));
    await this.#servers.start();
  }

  #takeHeartbeat(heartbeat: Heartbeat): boolean {
    const outcome = this.#fleet?.take(heartbeat) ?? 'fleet-full';
    this.#metrics.heartbeats.inc({ outcome });
    if (outcome === 'joined' || outcome === 'restarted') {
      const { applianceId, siteId, publicUrl } = heartbeat;
      this.#context.logger.info({ applianceId, siteId, publicUrl, outcome }, 'appliance in the fleet');
    }
    return outcome !== 'fleet-full';
  }

  #takeRouteReport(report: RouteReport): void {
    const filtered = this.#routes.setReport(report);
    this.#metrics.routeReports.inc({ outcome: filtered === undefined ? 'old' : 'taken' });
    if (filtered === undefined) return;
    const { logger } = this.#context;
    const { applianceId, siteId } = report;
    try {
      this.#fleetStore?.saveRouteReport(report);
    } catch (error) {
      if (!isOperational(error)) throw error;
      logger.error({ error, applianceId }, 'reported routes cannot be kept for a restart');
    }
    logger.info(
      { applianceId, siteId, routes: filtered.routes.length, refused: filtered.refused },
      'routes of an appliance',
    );
  }
}
