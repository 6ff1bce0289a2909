import { hostname } from 'node:os';
import { join } from 'node:path';
import type { CommonConfig, ServiceContext } from '../src/cli/service-command.ts';
import { HttpClient } from '../src/client/http-client.ts';
import type { ServingState } from '../src/contracts/heartbeat.ts';
import { isOperational } from '../src/errors/operational-error.ts';
import { Health } from '../src/lifecycle/health.ts';
import type { ProcessService } from '../src/lifecycle/service.ts';
import { PeriodicTask } from '../src/resilience/periodic-task.ts';
import { formatHostPort, type JsonServer, listen } from '../src/server/json-server.ts';
import { Metrics } from '../src/telemetry/metrics.ts';
import { createAdminApi } from './admin/admin-api.ts';
import { explainObject } from './admin/explain-object.ts';
import { checkConfig } from './check-config.ts';
import type { ApplianceConfig } from './config.ts';
import { ControlPlane } from './control-plane.ts';
import type { DeliveryContext } from './delivery/exchange.ts';
import { LoadMeter } from './delivery/load-meter.ts';
import { DeliverySide, Engine } from './delivery-side.ts';
import { FillCoordinator } from './fill/fill-coordinator.ts';
import { ObjectDiscovery } from './fill/origin/discover-object.ts';
import { LinkUse } from './fill/pace/link-use.ts';
import { ViewerWatch } from './fill/planned/viewer-watch.ts';
import { BlockRepair } from './fill/repair/block-repair.ts';
import { SourceBans } from './fill/sources/source-bans.ts';
import { createLocalSteering } from './local-steering/local-steering.ts';
import { ApplianceMetrics } from './metrics.ts';
import { type PurgeMode, type PurgeReport, purgeContent } from './purge/purge-content.ts';
import type { PurgeRule } from './purge/purge-rule.ts';
import { sessionOfViewer } from './quality/view-queue.ts';
import { TrafficLedger } from './report/traffic-ledger.ts';
import { StateLock } from './state-lock.ts';
import { createDiskObjectStore, type DiskStore } from './store/disk-object-store.ts';
import type { VolumeState } from './store/object-store.ts';
import { createUrlTokens, type UrlTokens } from './tokens/url-tokens.ts';
import { volumePolicy } from './volume-policy.ts';

const DRAIN_LOOK_MS = 50;
const EVERYWHERE = new Set(['0.0.0.0', '[::]']);
const VOLUME_LOOK_MS = 1000;
const DAY_MS = 86_400_000;
const MAX_ANNOUNCE_MS = 1000;

/**
 * The composition root: makes every part of an appliance and hands each what it needs. Throws CONFIG_INVALID, saying
 * what to add, when it could serve nothing, and VOLUME_IO when no volume can be used.
 */
export function createAppliance(config: ApplianceConfig & CommonConfig, context: ServiceContext): ProcessService {
  checkConfig(config);
  return new Appliance(config, context);
}

class Appliance implements ProcessService {
  readonly #config: ApplianceConfig & CommonConfig;
  readonly #context: ServiceContext;
  readonly #health = new Health();
  readonly #metrics = new Metrics('appliance');
  readonly #stateLock: StateLock;
  readonly #store: DiskStore;
  readonly #http: HttpClient;
  readonly #bans: SourceBans;
  readonly #linkUse: LinkUse;
  readonly #traffic: TrafficLedger;
  readonly #fills: FillCoordinator;
  readonly #discovery: ObjectDiscovery;
  readonly #volumeWatch: PeriodicTask;
  readonly #load: LoadMeter;
  readonly #viewerWatch: ViewerWatch;
  readonly #repair: BlockRepair;
  readonly #engine: Engine;
  readonly #delivery: DeliverySide;
  readonly #admin: JsonServer;
  readonly #control: ControlPlane;
  readonly #tokens: UrlTokens;
  #adminUrl = '';
  #state: ServingState = 'starting';

  constructor(config: ApplianceConfig & CommonConfig, context: ServiceContext) {
    const { logger, world } = context;
    this.#config = config;
    this.#context = context;
    this.#metrics.collectProcess();
    this.#health.fail('start', 'volumes are being opened');
    this.#load = new LoadMeter(
      world.clock,
      () => {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
      (firstByteMs) => this.#viewerWatch.hitBegan(firstByteMs),
    );
    this.#viewerWatch = new ViewerWatch({
      clock: world.clock,
      metrics: this.#metrics,
      egressShare: () => this.#load.egressBitsPerSec() / config.softEgressBitsPerSec,
      waits: () => this.#store.usage().volumes,
    });
    this.#http = new HttpClient({
      connectTimeoutMs: config.connectTimeoutMs,
      maxConnectionsPerHost: config.maxSourceConnections,
    });
    this.#stateLock = new StateLock(stateDir(config));
    this.#engine = new Engine(config, stateDir(config), context);
    const { choice } = this.#engine;
    this.#store = createDiskObjectStore({
      volumes: config.volume.map((dir) => ({ dir, capacityBytes: config.volumeCapacityBytes })),
      stateDir: () => this.#lockedState(),
      policy: volumePolicy(config),
      memoryBytes: config.memoryBytes,
      readers: choice.kind === 'fast' ? { libc: choice.libc, count: choice.threads } : undefined,
      evictionPolicy: config.evictionPolicy,
      durability: config.durability,
      world,
      logger,
      metrics: this.#metrics,
      ...(config.scrubPeriodDays === 0
        ? {}
        : { scrub: { periodMs: config.scrubPeriodDays * DAY_MS, bulkShare: () => this.#viewerWatch.share } }),
      onLost: (description, block) => this.#repair.lost(description, block),
      onViewerRead: (dir, latencyMs) => this.#viewerWatch.diskAnswered(dir, latencyMs),
    });
    const metrics = new ApplianceMetrics(this.#metrics);
    const { clock } = world;
    this.#tokens = createUrlTokens(config, { stateDir: stateDir(config), clock, logger, metrics: this.#metrics });
    this.#bans = new SourceBans(join(stateDir(config), 'source-bans.json'), { world, logger, metrics: this.#metrics });
    this.#linkUse = new LinkUse(stateDir(config), { world, logger });
    this.#traffic = new TrafficLedger(stateDir(config), { world, logger });
    this.#fills = this.#createFills(metrics);
    this.#repair = new BlockRepair({
      refiller: this.#fills,
      world,
      logger,
      metrics: this.#metrics,
      bulkShare: () => this.#viewerWatch.share,
    });
    this.#discovery = new ObjectDiscovery(this.#fills, world, config);
    this.#volumeWatch = new PeriodicTask(world, VOLUME_LOOK_MS, () => Promise.resolve(this.#watchVolumes()));
    this.#control = this.#createControlPlane();
    this.#fills.usePlan(this.#control.planned);
    this.#delivery = this.#createDelivery(metrics);
    this.#admin = this.#createAdmin();
  }

  async start(): Promise<void> {
    await this.#store.start();
    await this.#volumeWatch.start();
    await this.#viewerWatch.start();
    await this.#repair.start();
    this.#tokens.keys.load();
    await this.#delivery.start();
    this.#adminUrl = `http://${formatHostPort(await listen(this.#admin, this.#config.adminListen))}`;
    this.#state = 'serving';
    this.#health.pass('start');
    // Last: nobody is told of this appliance before it serves.
    if (this.#hasControlPlane) await this.#control.start();
  }

  addresses(): Readonly<Record<string, string>> {
    return { listen: this.#delivery.url, admin: this.#adminUrl };
  }

  get longestDrainMs(): number {
    return this.#config.drainMs + MAX_ANNOUNCE_MS;
  }

  async drain(): Promise<void> {
    const told = this.#setDraining(true);
    const { clock } = this.#context.world;
    const endMs = clock.monotonicMs() + this.#config.drainMs;
    // Nobody connected means nobody who could be cut, so there is nothing to wait for.
    while (clock.monotonicMs() < endMs && (await this.#delivery.connectionCount()) > 0) {
      await clock.delay(Math.min(DRAIN_LOOK_MS, this.#config.drainMs));
    }
    await Promise.race([told, clock.delay(MAX_ANNOUNCE_MS)]);
  }

  async stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#context.world;
    const endMs = clock.monotonicMs() + deadlineMs;
    const restMs = (): number => Math.max(0, endMs - clock.monotonicMs());
    this.#state = 'drained';
    await this.#delivery.stop(deadlineMs);
    await this.#control.stop(restMs());
    await this.#volumeWatch.stop(restMs());
    await this.#viewerWatch.stop();
    await this.#repair.stop(restMs());
    await this.#admin.close();
    const fillsEnded = this.#fills.stop(restMs());
    await this.#http.destroy();
    await fillsEnded;
    await this.#store.stop(restMs());
    this.#stateLock.release();
  }

  /**
   * The folder in which the store may remember what there is, ours alone from now on. State that lies on a volume, for
   * want of a better place, must not keep the other volumes from serving when that disk is broken.
   */
  #lockedState(): string | undefined {
    try {
      this.#stateLock.take();
      return stateDir(this.#config);
    } catch (error) {
      if (this.#config.state !== '' || isOperational(error, 'STATE_IN_USE')) throw error;
      this.#context.logger.error({ error }, 'no state: which disk is where is not remembered; set --state');
      return undefined;
    }
  }

  get #hasControlPlane(): boolean {
    return this.#config.planner !== '' || this.#config.steering !== '';
  }

  get #publicUrl(): string {
    if (this.#config.publicUrl !== '') return this.#config.publicUrl;
    if (this.#state === 'starting') return '';
    const url = new URL(this.#delivery.url);
    // Who listens everywhere is reached by name.
    if (EVERYWHERE.has(url.hostname)) url.hostname = hostname();
    return url.origin;
  }

  #createFills(metrics: ApplianceMetrics): FillCoordinator {
    const { logger, world } = this.#context;
    return new FillCoordinator({
      config: this.#config,
      store: this.#store,
      http: this.#http,
      world,
      logger,
      metrics,
      grant: () => this.#tokens.keys.grant(),
      bans: this.#bans,
      link: this.#linkUse,
      traffic: this.#traffic,
    });
  }

  #createControlPlane(): ControlPlane {
    return new ControlPlane({
      config: { ...this.#config, stateDir: stateDir(this.#config) },
      world: this.#context.world,
      logger: this.#context.logger,
      metrics: this.#metrics,
      store: this.#store,
      http: this.#http,
      health: this.#health,
      filler: this.#fills,
      load: () => this.#loadNow(),
      bulkShare: () => this.#viewerWatch.share,
      purge: (rule) => this.#purge(rule, 'finish'),
      bans: this.#bans,
      linkUse: this.#linkUse,
      traffic: this.#traffic,
      grant: () => this.#tokens.keys.grant(),
      state: () => this.#state,
      publicUrl: () => this.#publicUrl,
      onSteeringAnswer: (answer, sentAtMs) => this.#tokens.keys.take(answer, sentAtMs),
    });
  }

  #createDelivery(metrics: ApplianceMetrics): DeliverySide {
    const { logger, world } = this.#context;
    const delivery: DeliveryContext = {
      config: this.#config,
      world,
      clock: world.clock,
      logger,
      metrics,
      load: this.#load,
      finder: {
        fills: this.#fills,
        discovery: this.#discovery,
        nowMs: () => world.clock.nowMs(),
        hasOrigin: this.#config.origin !== '',
      },
      isDraining: () => this.#isDraining,
      forwarding: {
        methods: new Set(this.#config.forwardMethods),
        http: this.#http,
        invalidate: (key) => this.#invalidate(key),
      },
      recordDemand: (path, servedBytes, missedBytes, passedBytes, requests) => {
        this.#traffic.served(servedBytes, passedBytes);
        this.#control.recordDemand(path, servedBytes, missedBytes, requests);
      },
      views: () => this.#control.views,
      inventory: (address) => this.#control.planning?.inventory(address),
      sessionForLog: this.#config.logSessions ? sessionOfViewer : () => undefined,
      tokenGate: this.#tokens.gate,
      localSteering: createLocalSteering(this.#config, world, {
        http: this.#http,
        metrics: this.#metrics,
        snapshot: () => this.#control.siteSnapshot(),
        isServing: () => this.#state === 'serving' && this.#health.ready,
      }),
    };
    return new DeliverySide({
      config: this.#config,
      context: this.#context,
      metrics: this.#metrics,
      engine: this.#engine,
      store: this.#store,
      delivery,
      tokens: this.#tokens,
    });
  }

  #createAdmin(): JsonServer {
    return createAdminApi({
      volumes: this.#store.volumes,
      planning: () => this.#control.planning,
      actions: {
        setDraining: (draining) => this.#setDraining(draining),
        state: () => this.#describe(),
        explain: (key) => explainObject(key, this.#fills, this.#context.world.clock.nowMs()),
        titleKeys: (title) => this.#control.titlePaths(title),
        purge: (rule, mode) => this.#purge(rule, mode),
      },
      health: this.#health,
      metrics: this.#metrics,
      logger: this.#context.logger,
      maxTargetChars: this.#config.maxTargetChars,
      hosts: this.#config.adminHosts,
    });
  }

  async #invalidate(key: string): Promise<void> {
    const { failure } = await this.#purge({ by: 'key', key }, 'finish');
    if (failure !== undefined) this.#context.logger.warn({ error: failure }, 'what was changed may come back');
  }

  #purge(rule: PurgeRule, mode: PurgeMode): Promise<PurgeReport> {
    return purgeContent(rule, mode, {
      barrier: this.#fills.purges,
      store: this.#store,
      forgetQuestions: (mayMean) => this.#discovery.purge(mayMean),
      forgetOpen: (covers) => this.#fills.purgeOpen(covers),
      runningElsewhere: (meant, cut) => this.#delivery.running(meant, cut),
      isPlanned: (key) => this.#control.isPlanned(key),
    });
  }

  get #isDraining(): boolean {
    return this.#state === 'draining' || this.#state === 'drained';
  }

  /** Unready only when no volume takes writes: one bad disk of many must not send all viewers away. */
  #watchVolumes(): void {
    const { volumes } = this.#store.usage();
    const troubled = volumes
      .filter(({ state, writes }) => state !== 'online' || writes !== 'taken')
      .map(describeTrouble);
    if (troubled.length > 0 && troubled.length === volumes.length) this.#health.fail('volumes', troubled.join('; '));
    else this.#health.pass('volumes');
  }

  async #setDraining(draining: boolean): Promise<void> {
    if (draining === this.#isDraining) return;
    this.#state = draining ? 'draining' : 'serving';
    this.#delivery.setDraining(draining);
    if (draining) this.#health.fail('drain', 'the operator or a signal asked for it');
    else this.#health.pass('drain');
    this.#context.logger.info({ draining }, draining ? 'draining' : 'serving again');
    await this.#control.announce();
  }

  #describe(): object {
    const { id, site, cluster } = this.#config;
    return {
      id,
      site,
      cluster,
      state: this.#state,
      reasons: this.#health.reasons(),
      addresses: this.addresses(),
      engine: this.#delivery.status(),
      load: this.#loadNow(),
      usage: this.#store.usage(),
      ...(this.#hasControlPlane ? { control: this.#control.status() } : {}),
    };
  }

  #loadNow(): { activeRequests: number; egressBitsPerSec: number; cpuShare: number } {
    return {
      activeRequests: this.#load.activeRequests,
      egressBitsPerSec: Math.round(this.#load.egressBitsPerSec()),
      cpuShare: this.#load.cpuShare(),
    };
  }
}

const stateDir = ({ state, volume }: ApplianceConfig): string =>
  state === '' ? join(volume[0] ?? '.', 'state') : state;

/** `/srv/disk1 is offline: the disk that was here is not mounted`. */
function describeTrouble({ dir, reason, state, writes }: VolumeState): string {
  const what = state === 'online' ? writes : state;
  return reason === undefined ? `${dir} is ${what}` : `${dir} is ${what}: ${reason}`;
}
