import { join } from 'node:path';
import type { CommonConfig, ServiceContext } from '../src/cli/service-command.ts';
import type { ConfigOf } from '../src/config/parameter.ts';
import type { Heartbeat } from '../src/contracts/heartbeat.ts';
import { isOperational } from '../src/errors/operational-error.ts';
import { Health } from '../src/lifecycle/health.ts';
import type { ProcessService } from '../src/lifecycle/service.ts';
import { TrustedKeys } from '../src/server/trusted-keys.ts';
import { type Identity, loadOrCreateIdentity } from '../src/signing/identity.ts';
import { DecisionRecords } from './accounting/decision-records.ts';
import { locateClient } from './answer/locate-client.ts';
import type { SteeringState } from './answer/steering-state.ts';
import { SteeringServers } from './api/steering-servers.ts';
import { FollowedCatalogue } from './catalogue/followed-catalogue.ts';
import type { STEERING_PARAMETERS } from './config.ts';
import { createEdge } from './edge/create-edge.ts';
import type { Edge } from './edge/edge.ts';
import { Fleet } from './fleet/fleet.ts';
import { FleetStore } from './fleet/fleet-store.ts';
import { HeldTitles } from './fleet/held-titles.ts';
import { flowSites } from './flow/flow-sites.ts';
import { createSiteFlow } from './flow/start-site-flow.ts';
import { createSteeringMetrics, showQualityGauges, showSteeringGauges } from './metrics.ts';
import { createPlayerQuality, type PlayerQuality } from './quality/player-quality.ts';
import { standingInWords } from './quality/standings.ts';
import { ClientRouting } from './routing/client-routing.ts';
import type { TakeOutcome } from './routing/reports/report-messages.ts';
import { SiteFile } from './sites/site-file.ts';
import { NO_SITES, type SiteTable } from './sites/site-table.ts';
import { createUrlTokens } from './tokens/url-tokens.ts';
import { WithholdingStore } from './withholding/withholding-store.ts';
import { Withholdings } from './withholding/withholdings.ts';

export type SteeringConfig = ConfigOf<typeof STEERING_PARAMETERS> & CommonConfig;

const SITES_POLL_MS = 1000;

/** The composition root: makes the parts, wires them, starts them, and stops them in the opposite order. */
export class SteeringService implements ProcessService {
  readonly #config: SteeringConfig;
  readonly #context: ServiceContext;
  readonly #health = new Health();
  readonly #metrics = createSteeringMetrics();
  readonly #heldTitles = new HeldTitles();
  readonly #siteFlow: ReturnType<typeof createSiteFlow>;
  readonly #routing: ClientRouting;
  readonly #edge: Edge;
  readonly #quality: PlayerQuality;
  readonly #records: DecisionRecords;
  readonly #stops: Array<(deadlineMs: number) => Promise<void> | void> = [];
  #sites: SiteTable = NO_SITES;
  #catalogue: FollowedCatalogue | undefined;
  #withholdings: Withholdings | undefined;
  #fleet: Fleet | undefined;
  #fleetStore: FleetStore | undefined;
  #servers: SteeringServers | undefined;

  constructor(config: SteeringConfig, context: ServiceContext) {
    this.#config = config;
    this.#context = context;
    this.#siteFlow = createSiteFlow({
      config,
      ...context,
      metrics: this.#metrics.metrics,
      sites: () => flowSites(this.#state().fleet, this.#sites),
    });
    this.#edge = createEdge({
      config,
      ...context,
      metrics: this.#metrics.metrics,
      locate: (address) => locateClient(address, this.#routing.current()),
    });
    this.#quality = createPlayerQuality(config, {
      ...context,
      onBadSession: (...bad) => this.#edge.policy.noteOutcome(...bad),
      onStanding: ({ applianceId, to }) => this.#fleet?.noteByPlayers(applianceId, standingInWords(to)),
    });
    this.#records = new DecisionRecords({ config, ...context, metrics: this.#metrics.metrics });
    const { heldReports, leakedRoutes, routingFileBroken, routingFileHeld } = this.#metrics;
    this.#routing = new ClientRouting({
      config,
      world: context.world,
      logger: context.logger,
      silentMs: (applianceId) => this.#silentMs(applianceId),
      networkOf: (siteId) => this.#sites.of(siteId).network,
      onFileState: (file, state) => {
        routingFileBroken.set({ file }, state === 'broken' ? 1 : 0);
        routingFileHeld.set({ file }, state === 'held' ? 1 : 0);
      },
      onReportState: ({ held, leaked }) => {
        heldReports.set(held);
        leakedRoutes.set(leaked);
      },
    });
  }

  async start(): Promise<void> {
    const { state, id } = this.#config;
    const identity = loadOrCreateIdentity(id, join(state, 'key.pem'));
    await this.#startCatalogue(identity);
    await this.#startSites();
    const withholdings = await this.#startWithholdings();
    await this.#startFleet();
    this.#stops.push((deadlineMs) => this.#routing.stop(deadlineMs));
    await this.#routing.start();
    this.#showGauges();
    this.#stops.push((deadlineMs) => this.#siteFlow.flow.stop(deadlineMs));
    await this.#siteFlow.flow.start();
    this.#stops.push((deadlineMs) => this.#quality.stop(deadlineMs));
    await this.#quality.start();
    this.#stops.push((deadlineMs) => this.#edge.stop(deadlineMs));
    await this.#edge.start();
    this.#stops.push((deadlineMs) => this.#records.stop(deadlineMs));
    await this.#records.start();
    await this.#startServers(identity, withholdings);
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
      routes: this.#routing.current(),
      fleet: fleet.view(),
      catalogue: this.#catalogue?.current(),
      heldTitles: this.#heldTitles,
      sites: this.#sites,
      shares: this.#siteFlow.flow.shares(),
      quality: this.#quality.view(),
    };
  }

  async #startCatalogue(identity: Identity): Promise<void> {
    const catalogue = new FollowedCatalogue({
      config: this.#config,
      ...this.#context,
      identity,
      health: this.#health,
      heldTitles: this.#heldTitles,
      onRound: (outcome) => this.#metrics.plannerRounds.inc({ outcome }),
    });
    this.#catalogue = catalogue;
    this.#stops.push((deadlineMs) => catalogue.stop(deadlineMs));
    await catalogue.start();
  }

  #showGauges(): void {
    showQualityGauges(this.#metrics, this.#quality);
    showSteeringGauges(this.#metrics, {
      appliances: () => {
        const counts = { current: 0, doubtful: 0, expired: 0 };
        for (const { lease } of this.#state().fleet.members) counts[lease.kind] += 1;
        return counts;
      },
      withheldAppliances: () => this.#state().fleet.members.filter(({ withheld }) => withheld !== undefined).length,
      prefixes: () => this.#routing.current().size,
      unwrittenAppliances: () => this.#fleetStore?.unwritten ?? 0,
      plannerSilentSec: () => this.#catalogue?.silentSec(),
    });
  }

  async #startFleet(): Promise<void> {
    const { state, leaseMs, preserveMs, warmUpShare, warmUpMs, newSessionShare } = this.#config;
    const { logger } = this.#context;
    const store = new FleetStore(join(state, 'fleet.sqlite'), logger);
    this.#stops.push(() => store.close());
    this.#fleetStore = store;
    this.#fleet = new Fleet({
      world: this.#context.world,
      logger,
      store,
      heldTitles: this.#heldTitles,
      leaseMs,
      preserveMs,
      capacity: { warmUpShare, warmUpMs, wellAfterMs: leaseMs },
      newSessionShare,
      withheld: (standing) => this.#withholdings?.reasonFor(standing),
      onStall: (stalledMs) => {
        this.#metrics.stalledSeconds.inc(stalledMs / 1000);
        logger.warn({ stalledMs }, 'this process stood still: no lease runs out by it');
      },
      onMissingList: (applianceId, planVersion) => this.#catalogue?.want(applianceId, planVersion),
      onForgotten: (applianceId) => void this.#forgetRoutes(applianceId),
    });
    this.#stops.push((deadlineMs) => this.#fleet?.stop(deadlineMs));
    await this.#fleet.start();
  }

  async #startSites(): Promise<void> {
    const { sites } = this.#config;
    if (sites === '') return;
    const file = new SiteFile({
      file: sites,
      pollMs: SITES_POLL_MS,
      world: this.#context.world,
      logger: this.#context.logger,
      onTable: (table) => {
        this.#sites = table;
      },
      onState: (problem) => this.#metrics.siteFileBroken.set(problem === undefined ? 0 : 1),
    });
    this.#stops.push((deadlineMs) => file.stop(deadlineMs));
    await file.start();
  }

  async #startWithholdings(): Promise<Withholdings> {
    const { state, withholdMs } = this.#config;
    const { world, logger } = this.#context;
    const store = new WithholdingStore(join(state, 'withholdings.sqlite'), logger);
    this.#stops.push(() => store.close());
    const withholdings = new Withholdings({
      world,
      logger,
      store,
      sites: () => this.#sites,
      defaultMs: withholdMs,
      onChange: () => this.#fleet?.refresh(),
    });
    this.#withholdings = withholdings;
    this.#stops.push((deadlineMs) => withholdings.stop(deadlineMs));
    await withholdings.start();
    return withholdings;
  }

  async #startServers(identity: Identity, withholdings: Withholdings): Promise<void> {
    const { world, logger } = this.#context;
    const trusted = new TrustedKeys(join(this.#config.state, 'trust.sqlite'), world, logger);
    this.#stops.push(() => trusted.close());
    this.#servers = new SteeringServers({
      config: this.#config,
      world,
      logger,
      health: this.#health,
      metrics: this.#metrics,
      identity,
      trusted,
      quality: this.#quality,
      routing: this.#routing,
      tokens: createUrlTokens(this.#config, { clock: world.clock, logger }),
      siteFlow: this.#siteFlow,
      records: this.#records,
      edge: this.#edge,
      state: () => this.#state(),
      orders: { withholdings, journalOf: (id) => this.#fleet?.journalOf(id) ?? [] },
      placeSession: (...placed) => this.#fleet?.place(...placed),
      takeHeartbeat: (heartbeat) => this.#takeHeartbeat(heartbeat),
      takeRouteReport: (body, senderId) => this.#takeRouteReport(body, senderId),
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

  /** For how long nothing was heard of an appliance whose lease has run out; 0 while it stands. */
  #silentMs(applianceId: string): number {
    const member = this.#fleet?.view().byId.get(applianceId);
    return member?.lease.kind === 'expired' ? this.#context.world.clock.nowMs() - member.lastHeardAtMs : 0;
  }

  async #takeRouteReport(body: Uint8Array, senderId: string | undefined): Promise<TakeOutcome> {
    const outcome = await this.#routing.reports.take(body, senderId);
    if (outcome.kind === 'taken') {
      const { applianceId, siteId, routes, refused } = outcome;
      this.#context.logger.info({ applianceId, siteId, routes, refused }, 'routes of an appliance');
    }
    return outcome;
  }

  /** A disk that does not forget tells them again after a restart, and the appliance is silent then too. */
  async #forgetRoutes(applianceId: string): Promise<void> {
    try {
      await this.#routing.reports.forget(applianceId);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#context.logger.error({ error, applianceId }, 'kept routes of an appliance that is gone cannot be removed');
    }
  }
}
