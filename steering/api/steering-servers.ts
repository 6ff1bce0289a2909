import type { ConfigOf, HostPort } from '../../src/config/parameter.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import type { Health } from '../../src/lifecycle/health.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { addAdminRoutes } from '../../src/server/admin-routes.ts';
import { addEnrolmentRoute, addTokenMintingRoute } from '../../src/server/enrolment-routes.ts';
import { createJsonServer, formatHostPort, type JsonServer, listen } from '../../src/server/json-server.ts';
import { createSignatureGuard } from '../../src/server/signature-guard.ts';
import { renewTls } from '../../src/server/tls-renewal.ts';
import type { TrustedKeys } from '../../src/server/trusted-keys.ts';
import type { Identity } from '../../src/signing/identity.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { DecisionRecords } from '../accounting/decision-records.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { STEERING_PARAMETERS } from '../config.ts';
import { DecisionIds } from '../decision-log/decision-ids.ts';
import { AddressRates } from '../edge/address-rates.ts';
import type { Edge } from '../edge/edge.ts';
import type { createSiteFlow } from '../flow/start-site-flow.ts';
import { DashTemplates } from '../manifests/dash-templates.ts';
import { DashThread } from '../manifests/prepare-in-thread.ts';
import type { SteeringMetrics } from '../metrics.ts';
import type { PlayerQuality } from '../quality/player-quality.ts';
import type { ClientRouting } from '../routing/client-routing.ts';
import { addSnapshotRoute } from '../site-snapshot/snapshot-route.ts';
import { addTokenRoutes } from '../tokens/token-routes.ts';
import type { UrlTokens } from '../tokens/url-tokens.ts';
import { addContentSteeringRoutes } from './content-steering-routes.ts';
import { addExplainRoutes } from './explain-routes.ts';
import { addFlowRoute } from './flow-routes.ts';
import { addForecastRoutes } from './forecast-routes.ts';
import { addFleetRoutes } from './heartbeat-routes.ts';
import { addManifestRoutes } from './manifest-routes.ts';
import { addPolicyRoutes } from './policy-routes.ts';
import { addCrossOrigin, type PublicApi } from './public-api.ts';
import { addCmcdRoute, addQualityRoute, addSketchRoute } from './quality-routes.ts';
import { addRedirectRoute } from './redirect-routes.ts';
import { addRouteReportRoute, type RouteReportApi } from './route-report-routes.ts';
import { addRoutingRoutes } from './routing-routes.ts';
import { addSteerRoute } from './steer-routes.ts';
import { addWithholdingRoutes, type FleetOrders } from './withholding-routes.ts';

export interface SteeringServersOptions {
  readonly config: ConfigOf<typeof STEERING_PARAMETERS>;
  readonly world: World;
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: SteeringMetrics;
  readonly identity: Identity;
  readonly trusted: TrustedKeys;
  readonly quality: PlayerQuality;
  readonly routing: ClientRouting;
  /** undefined where URLs are not signed. */
  readonly tokens: UrlTokens | undefined;
  readonly siteFlow: ReturnType<typeof createSiteFlow>;
  readonly records: DecisionRecords;
  readonly edge: Edge;
  state(): SteeringState;
  readonly orders: FleetOrders;
  readonly placeSession: PublicApi['placeSession'];
  readonly takeHeartbeat: (heartbeat: Heartbeat) => boolean;
  readonly takeRouteReport: RouteReportApi['takeRouteReport'];
}

const BODY_LIMIT_BYTES = 1024 * 1024;
/** As long as a session counts before its appliance reports it. */
const COUNTED_WINDOW_MS = 5000;

/** The two listeners: one for players and appliances, one for operators. */
export class SteeringServers implements Service {
  readonly #options: SteeringServersOptions;
  readonly #server: JsonServer;
  readonly #adminServer: JsonServer;
  readonly #dashTemplates = new DashTemplates(new DashThread());
  #bound: { readonly listen: string; readonly admin: string } | undefined;
  #publicUrl: string;
  #renewal: Service | undefined;

  /** @throws OperationalError CONFIG_INVALID */
  constructor(options: SteeringServersOptions) {
    this.#options = options;
    const { config, logger } = options;
    this.#publicUrl = config.publicUrl;
    const tls = { certFile: config.tlsCert, keyFile: config.tlsKey };
    const { edge } = options;
    this.#server = createJsonServer({
      logger,
      bodyLimitBytes: BODY_LIMIT_BYTES,
      maxConnections: config.maxConnections,
      perAddress: { max: config.maxConnectionsPerAddress, keyOf: (address) => edge.connectionKeyOf(address) },
      ...(config.proxyProtocol ? { isProxied: (address) => edge.isProxy(address) } : {}),
      tls,
    });
    this.#adminServer = createJsonServer({ logger, bodyLimitBytes: BODY_LIMIT_BYTES });
    this.#addServiceRoutes();
    this.#addAdminRoutes();
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    const scheme = config.tlsCert === '' ? 'http' : 'https';
    // The operators' listener first: who watches a start wants to see why it takes long.
    const admin = await listen(this.#adminServer, config.adminListen);
    const bound = await listen(this.#server, config.listen);
    this.#bound = { listen: `${scheme}://${formatHostPort(bound)}`, admin: `http://${formatHostPort(admin)}` };
    if (config.tlsCert !== '') await this.#renewTls();
    if (this.#publicUrl === '') this.#publicUrl = this.#guessPublicUrl(bound, scheme);
  }

  async stop(deadlineMs: number): Promise<void> {
    const closed = Promise.all([this.#server.close(), this.#adminServer.close(), this.#renewal?.stop(deadlineMs)]).then(
      () => this.#dashTemplates.stop(),
    );
    await Promise.race([closed, this.#options.world.clock.delay(deadlineMs)]);
  }

  async #renewTls(): Promise<void> {
    const { tlsCert: certFile, tlsKey: keyFile } = this.#options.config;
    this.#renewal = renewTls(this.#server, { certFile, keyFile }, this.#options);
    await this.#renewal.start();
  }

  addresses(): Readonly<Record<string, string>> {
    return this.#bound ?? {};
  }

  #addServiceRoutes(): void {
    const { config, world, logger, metrics, identity, trusted, quality, tokens } = this.#options;
    const { takeHeartbeat, takeRouteReport } = this.#options;
    const { allowUnsignedLoopback, leaseMs, maxReportedRoutes } = config;
    const limit = { max: config.maxSessionsPerAddress, windowMs: COUNTED_WINDOW_MS, ipv6Bits: 48 } as const;
    const [beginning, playing] = [new AddressRates(world, limit), new AddressRates(world, limit)];
    const api: PublicApi = {
      world,
      metrics,
      edge: this.#options.edge,
      ttlSec: config.ttlSec,
      demand: this.#options.siteFlow.demand,
      usesClones: config.steeringClones,
      decisionIds: new DecisionIds(world),
      records: this.#options.records,
      state: () => this.#options.state(),
      publicUrl: () => this.#publicUrl,
      counts: (address, isPlaying) => (isPlaying ? playing : beginning).admit(address),
      placeSession: this.#options.placeSession,
      tokens,
    };
    addCrossOrigin(this.#server);
    addSteerRoute(this.#server, api);
    addContentSteeringRoutes(this.#server, api, quality.intake);
    addRedirectRoute(this.#server, api);
    addManifestRoutes(this.#server, api, this.#dashTemplates, quality.intake);
    addCmcdRoute(this.#server, api, quality);
    addEnrolmentRoute(this.#server, trusted, identity, logger);
    const guard = createSignatureGuard({ trusted, clock: world.clock, logger, allowUnsignedLoopback });
    addSketchRoute(this.#server, api, quality, guard);
    addSnapshotRoute(this.#server, {
      guard,
      identity,
      nowMs: () => world.clock.nowMs(),
      fleet: () => this.#options.state().fleet,
      policy: () => ({ steeringUrl: this.#publicUrl, ttlSec: config.ttlSec, lifeMs: config.siteSnapshotSec * 1000 }),
    });
    addRouteReportRoute(this.#server, { guard, metrics, maxReportedRoutes, takeRouteReport });
    addFleetRoutes(this.#server, {
      guard,
      metrics,
      leaseMs,
      admitHeartbeat: () => this.#options.edge.admitHeartbeat(),
      takeHeartbeat,
      tokens,
      nowMs: () => world.clock.nowMs(),
    });
  }

  #addAdminRoutes(): void {
    const { health, metrics, trusted, routing, quality, tokens, world } = this.#options;
    addAdminRoutes(this.#adminServer, health, metrics.metrics, this.#options.config.adminHosts);
    addPolicyRoutes(this.#adminServer, this.#options.edge);
    addTokenMintingRoute(this.#adminServer, trusted);
    addExplainRoutes(this.#adminServer, { state: () => this.#options.state() });
    addForecastRoutes(this.#adminServer, {
      records: this.#options.records,
      ttlSec: this.#options.config.ttlSec,
      clock: world.clock,
      state: () => this.#options.state(),
    });
    addRoutingRoutes(this.#adminServer, routing, () => this.#options.state());
    addQualityRoute(this.#adminServer, quality);
    addFlowRoute(this.#adminServer, this.#options.siteFlow.flow);
    addWithholdingRoutes(this.#adminServer, {
      ...this.#options.orders,
      nowMs: () => world.clock.nowMs(),
      fleet: () => this.#options.state().fleet,
      sites: () => this.#options.state().sites,
    });
    if (tokens === undefined) return;
    const findTitle = (id: string) => this.#options.state().catalogue?.find(id);
    addTokenRoutes(this.#adminServer, { ...tokens, clock: world.clock, findTitle });
  }

  /** Manifests carry this URL, so where it cannot be known it is said loudly. */
  #guessPublicUrl({ host, port }: HostPort, scheme: string): string {
    if (host !== '::' && host !== '0.0.0.0') return `${scheme}://${formatHostPort({ host, port })}`;
    const guessed = `${scheme}://localhost:${port}`;
    this.#options.logger.warn(
      { publicUrl: guessed },
      'it listens on all addresses and publicUrl is not set: only players on this machine will find it',
    );
    return guessed;
  }
}
