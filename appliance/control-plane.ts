import { join } from 'node:path';
import { EnrolledService, type EnrolmentMode } from '../src/client/enrolled-service.ts';
import type { HttpClient } from '../src/client/http-client.ts';
import { parseHostPort } from '../src/config/parameter.ts';
import type { HeartbeatAnswer, ServingState } from '../src/contracts/heartbeat.ts';
import type { SiteSnapshot } from '../src/contracts/site-snapshot.ts';
import type { Health } from '../src/lifecycle/health.ts';
import type { Service } from '../src/lifecycle/service.ts';
import { softwareVersion } from '../src/lifecycle/software-version.ts';
import { type Identity, loadOrCreateIdentity } from '../src/signing/identity.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import type { Metrics } from '../src/telemetry/metrics.ts';
import type { World } from '../src/world/world.ts';
import type { ControlPlaneConfig } from './control-plane-config.ts';
import type { BlockFiller, PlannedFiles } from './fill/block-filler.ts';
import type { LinkUse } from './fill/pace/link-use.ts';
import { HeldPlan } from './fill/planned/held-plan.ts';
import { PlanFile } from './fill/planned/plan-file.ts';
import type { FillState } from './fill/planned/planned-fill.ts';
import type { SourceBans } from './fill/sources/source-bans.ts';
import { SiteSnapshots } from './local-steering/site-snapshots.ts';
import { PlannerSide } from './planner-side.ts';
import type { PurgeReport } from './purge/purge-content.ts';
import type { PurgeRule } from './purge/purge-rule.ts';
import { QualityReporter } from './quality/quality-reporter.ts';
import type { ViewQueue } from './quality/view-queue.ts';
import { ControlPlaneMetrics } from './report/control-plane-metrics.ts';
import { DemandBacklog } from './report/demand-backlog.ts';
import { DemandCounter } from './report/demand-counter.ts';
import { type ApplianceLoad, HeartbeatSender } from './report/heartbeat-sender.ts';
import type { TrafficLedger } from './report/traffic-ledger.ts';
import { TrafficShipper } from './report/traffic-shipper.ts';
import { BirdRoutes } from './routes/bird-routes.ts';
import { BmpRoutes } from './routes/bmp-routes.ts';
import { FileRoutes } from './routes/file-routes.ts';
import { RouteReporter } from './routes/route-reporter.ts';
import type { RouteSource } from './routes/route-source.ts';
import type { ObjectStore } from './store/object-store.ts';
import { TriggerClient } from './triggers/trigger-client.ts';
import { TriggerJournal } from './triggers/trigger-journal.ts';

/**
 * Everything that this appliance says to the planner and to steering, and hears from them. Nothing of it stands in the
 * way of a viewer: neither service has to be there at the start or ever after, the last plan is kept, reports wait or
 * are made anew, and each call has its deadline.
 */
export interface ControlPlaneOptions {
  readonly config: ControlPlaneConfig;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: ObjectStore;
  readonly http: HttpClient;
  readonly health: Health;
  readonly filler: BlockFiller;
  readonly load: () => ApplianceLoad;
  /** How much of its rate planned fill may use now, 0 to 1. */
  readonly bulkShare: () => number;
  readonly purge: (rule: PurgeRule) => Promise<PurgeReport>;
  readonly bans: SourceBans;
  readonly linkUse: LinkUse;
  readonly traffic: TrafficLedger;
  /** By what other appliances are asked where URLs have to be signed. */
  readonly grant: () => string | undefined;
  readonly state: () => ServingState;
  /** Base URL for players; '' until the appliance listens. */
  readonly publicUrl: () => string;
  /** Told what steering answers to heartbeats. */
  readonly onSteeringAnswer: (answer: HeartbeatAnswer, sentAtMs: number) => void;
}

/** For the operator. */
export interface ControlPlaneStatus {
  readonly planner: { readonly url: string; readonly mode: EnrolmentMode } | undefined;
  readonly steering:
    | {
        readonly url: string;
        readonly mode: EnrolmentMode;
        readonly acknowledgedMsAgo: number | undefined;
        readonly leaseMs: number | undefined;
        readonly tokenKeys: number;
      }
    | undefined;
  readonly plan:
    | {
        readonly planVersion: number;
        readonly files: number;
        readonly manifestsMissing: number;
        readonly fill: FillState;
        readonly filledBytes: { readonly peer: number; readonly tier: number; readonly origin: number };
      }
    | undefined;
  readonly demandBacklog: number;
  readonly routes: number | undefined;
}

const SERVICE_TIMEOUT_MS = 10_000;
/** As much as one text may have (V8: 512 MiB less some bytes), which the plan becomes when it is checked and kept. */
const MAX_PLAN_BYTES = 500 * 2 ** 20;
const MAX_STEERING_ANSWER_BYTES = 2 ** 20;
/** The snapshot of the site is asked for every so many heartbeats. */
const SNAPSHOT_BEATS = 5;
const MAX_DEMAND_PATHS = 20_000;
/** A week of a planner that is away, at one sample an hour. */
const MAX_DEMAND_SAMPLES = 168;

export class ControlPlane implements Service {
  readonly #options: ControlPlaneOptions;
  readonly #metrics: ControlPlaneMetrics;
  readonly #planFile: PlanFile;
  readonly #held: HeldPlan;
  readonly #counter: DemandCounter;
  readonly #backlog: DemandBacklog;
  readonly #parts: Service[] = [];
  #planner: EnrolledService | undefined;
  #steering: EnrolledService | undefined;
  #planning: PlannerSide | undefined;
  #heartbeats: HeartbeatSender | undefined;
  #routes: RouteReporter | undefined;
  #snapshots: SiteSnapshots | undefined;
  #quality: QualityReporter | undefined;

  constructor(options: ControlPlaneOptions) {
    const { config, metrics, world } = options;
    this.#options = options;
    this.#metrics = new ControlPlaneMetrics(metrics, {
      planVersion: () => this.#held.plan?.planVersion ?? 0,
      demandBacklog: () => this.#backlog.size,
      usable: (service) => ((service === 'planner' ? this.#planner : this.#steering)?.isUsable ? 1 : 0),
    });
    this.#planFile = new PlanFile(config.stateDir);
    this.#held = new HeldPlan(this.#planFile);
    this.#counter = new DemandCounter(MAX_DEMAND_PATHS, (requests) => this.#metrics.leftOut(requests));
    this.#backlog = new DemandBacklog({
      stateDir: config.stateDir,
      applianceId: config.id,
      siteId: config.site,
      random: world.random,
      maxSamples: MAX_DEMAND_SAMPLES,
      onLost: (samples) => this.#metrics.lostSamples(samples),
    });
  }

  /** What the plan says of a path. Of use at once; it knows the kept plan after `start`. */
  get planned(): PlannedFiles {
    return this.#held;
  }

  /**
   * Begins to talk to both services in the background; the store must be started. Never waits for either of them.
   * @throws OperationalError STATE_CORRUPT, VOLUME_IO when this appliance's own key or enrolments cannot be read
   */
  async start(): Promise<void> {
    const { config } = this.#options;
    const identity = loadOrCreateIdentity(config.id, join(config.stateDir, 'identity.pem'));
    if (config.planner !== '') this.#addPlanner(identity);
    if (config.steering !== '') this.#addSteering(identity);
    for (const part of this.#parts) await part.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop(deadlineMs)));
  }

  /** Answered requests, for the demand samples. @param path without query */
  recordDemand(path: string, servedBytes: number, missedBytes: number, requests = 1): void {
    if (this.#planner === undefined) return;
    this.#counter.count(path, servedBytes, missedBytes, this.#options.world.clock.nowMs(), requests);
    this.#planning?.space.count(path, servedBytes, missedBytes);
  }

  /** Where answers to viewers are put down, for what steering is told of their quality; undefined without steering. */
  get views(): ViewQueue | undefined {
    return this.#quality?.queue;
  }

  /** Tells steering the present state now, instead of with the next heartbeat. Never rejects. */
  async announce(): Promise<void> {
    await this.#heartbeats?.announce();
  }

  /** What to answer for our site by while steering is away; undefined when there is nothing in force. */
  siteSnapshot(): SiteSnapshot | undefined {
    return this.#snapshots?.current();
  }

  /** What the operator asks of planned fill; undefined without a planner. */
  get planning(): PlannerSide | undefined {
    return this.#planning;
  }

  /** Whether the plan names a path. */
  isPlanned(path: string): boolean {
    return this.#held.files.has(path);
  }

  /** The files that the plan has of a title; undefined when it has none of it. */
  titlePaths(title: string): ReadonlySet<string> | undefined {
    const renditions = this.#held.plan?.renditions ?? [];
    const paths = [...this.#held.files.values()]
      .filter(({ rendition }) => renditions[rendition]?.startsWith(`${title}/`) === true)
      .map(({ path }) => path);
    return paths.length === 0 ? undefined : new Set(paths);
  }

  status(): ControlPlaneStatus {
    const { config, world } = this.#options;
    const { plan } = this.#held;
    const acknowledgedAtMs = this.#heartbeats?.acknowledgedAtMs;
    return {
      planner: this.#planner && { url: config.planner, mode: this.#planner.mode },
      steering: this.#steering && {
        url: config.steering,
        mode: this.#steering.mode,
        acknowledgedMsAgo: acknowledgedAtMs && Math.round(world.clock.monotonicMs() - acknowledgedAtMs),
        leaseMs: this.#heartbeats?.answer?.leaseMs,
        tokenKeys: this.#heartbeats?.answer?.tokenKeys.length ?? 0,
      },
      plan: plan &&
        this.#planning && {
          planVersion: plan.planVersion,
          files: plan.files.length,
          manifestsMissing: this.#held.missingManifests().length,
          fill: this.#planning.fill.state,
          filledBytes: this.#planning.fill.filledBytes,
        },
      demandBacklog: this.#backlog.size,
      routes: this.#routes?.routeCount,
    };
  }

  #addPlanner(identity: Identity): void {
    const { config, world, logger, store, filler, bulkShare, bans, linkUse, http, grant } = this.#options;
    const service = this.#service('planner', config.planner, config.plannerToken, MAX_PLAN_BYTES, identity);
    this.#planner = service;
    this.#planning = new PlannerSide({
      config,
      service,
      world,
      logger,
      store,
      filler,
      bulkShare,
      bans,
      linkUse,
      http,
      grant,
      metrics: this.#metrics,
      held: this.#held,
      planFile: this.#planFile,
      counter: this.#counter,
      backlog: this.#backlog,
    });
    this.#parts.push(service, this.#planning, this.#createTriggers(service), ...this.#trafficParts(service));
  }

  #trafficParts(service: EnrolledService): Service[] {
    const { config, world, logger, traffic } = this.#options;
    const { id: applianceId, demandShipMs: shipMs } = config;
    return [traffic, new TrafficShipper({ applianceId, ledger: traffic, service, world, logger, shipMs })];
  }

  #createTriggers(service: EnrolledService): TriggerClient {
    const { config, world, logger, store, purge } = this.#options;
    return new TriggerClient({
      applianceId: config.id,
      service,
      journal: new TriggerJournal(config.stateDir, () => world.clock.nowMs()),
      purge,
      heldOf: (path) => {
        const file = this.#held.files.get(path);
        const state = store.state(path);
        if (file === undefined) return undefined;
        const heldBytes = state?.description.manifestRoot === file.root ? state.heldBytes : 0;
        return { heldBytes, sizeBytes: file.sizeBytes };
      },
      world,
      logger,
      pollMs: config.triggerPollMs,
      onDone: (type, state) => this.#metrics.triggerDone(type, state),
    });
  }

  #addSteering(identity: Identity): void {
    const { config, world, logger, store, health, load, state, publicUrl } = this.#options;
    const { id: applianceId, site: siteId, cluster: clusterId } = config;
    const steering = this.#service(
      'steering',
      config.steering,
      config.steeringToken,
      MAX_STEERING_ANSWER_BYTES,
      identity,
    );
    const { softEgressBitsPerSec, hardEgressBitsPerSec, maxActiveRequests } = config;
    this.#steering = steering;
    this.#heartbeats = new HeartbeatSender({
      applianceId,
      siteId,
      clusterId,
      softwareVersion: softwareVersion(),
      capacity: { softEgressBitsPerSec, hardEgressBitsPerSec, maxActiveRequests },
      service: steering,
      store,
      plan: () => this.#held.plan,
      health,
      load,
      state,
      publicUrl,
      world,
      logger,
      heartbeatMs: config.heartbeatMs,
      onHeartbeat: (outcome) => this.#metrics.heartbeat(outcome),
      onAnswer: this.#options.onSteeringAnswer,
    });
    const { qualityShipMs: shipMs, qualityMinClients: minClients } = config;
    const { metrics } = this.#options;
    this.#quality = new QualityReporter({ applianceId, service: steering, world, logger, metrics, shipMs, minClients });
    this.#parts.push(steering, this.#heartbeats, this.#quality);
    if (config.localSteering === 'on') {
      const pollMs = SNAPSHOT_BEATS * config.heartbeatMs;
      this.#snapshots = new SiteSnapshots({ siteId, stateDir: config.stateDir, steering, pollMs, world, logger });
      this.#parts.push(this.#snapshots);
    }
    const source = this.#routeSource();
    if (source === undefined) return;
    this.#routes = new RouteReporter({
      applianceId,
      siteId,
      source,
      service: steering,
      world,
      logger,
      onReport: (outcome) => this.#metrics.routesReported(outcome),
    });
    this.#parts.push(this.#routes);
  }

  #routeSource(): RouteSource | undefined {
    const { config, logger, world } = this.#options;
    if (config.routesFile !== '') return new FileRoutes(config.routesFile, logger);
    if (config.bmpListen !== '') return this.#bmpRoutes(config.bmpListen);
    if (config.birdSocket === '') return undefined;
    return new BirdRoutes({
      socketFile: config.birdSocket,
      protocol: config.birdProtocol,
      graceMs: config.routesGraceMs,
      clock: world.clock,
      logger,
    });
  }

  #bmpRoutes(listen: string): RouteSource {
    const { config, logger, world } = this.#options;
    const routes = new BmpRoutes({
      listen: parseHostPort(listen),
      routers: config.bmpRouters,
      graceMs: config.routesGraceMs,
      clock: world.clock,
      logger,
    });
    this.#parts.push(routes);
    return routes;
  }

  #service(
    name: 'planner' | 'steering',
    baseUrl: string,
    token: string,
    maxAnswerBytes: number,
    identity: Identity,
  ): EnrolledService {
    const { config, http, world, logger } = this.#options;
    return new EnrolledService({
      name,
      baseUrl,
      token,
      allowUnsigned: config.allowUnsigned,
      role: 'appliance',
      identity,
      stateFile: join(config.stateDir, `enrolment-${name}.json`),
      http,
      world,
      logger,
      timeoutMs: SERVICE_TIMEOUT_MS,
      maxAnswerBytes,
    });
  }
}
