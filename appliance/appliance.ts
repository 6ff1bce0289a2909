import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommonConfig, ServiceContext } from '../src/cli/service-command.ts';
import { HttpClient } from '../src/client/http-client.ts';
import type { ServingState } from '../src/contracts/heartbeat.ts';
import { messageOf, OperationalError } from '../src/errors/operational-error.ts';
import { Health } from '../src/lifecycle/health.ts';
import type { ProcessService } from '../src/lifecycle/service.ts';
import { formatHostPort, type JsonServer, listen } from '../src/server/json-server.ts';
import { Metrics } from '../src/telemetry/metrics.ts';
import { createAdminApi } from './admin/admin-api.ts';
import { explainObject } from './admin/explain-object.ts';
import type { ApplianceConfig } from './config.ts';
import { DeliveryServer } from './delivery/delivery-server.ts';
import { handleGet } from './delivery/handle-get.ts';
import { LoadMeter } from './delivery/load-meter.ts';
import { ObjectDiscovery } from './fill/discover-object.ts';
import { FillCoordinator } from './fill/fill-coordinator.ts';
import { ApplianceMetrics } from './metrics.ts';
import { createDiskObjectStore } from './store/disk-object-store.ts';
import type { ObjectStore } from './store/object-store.ts';
import { volumeCapacityBytes } from './volume-capacity.ts';

const DRAIN_LOOK_MS = 50;

/**
 * The composition root: makes every part of an appliance and hands each what it needs. Throws CONFIG_INVALID, saying
 * what to add, when it could serve nothing.
 */
export function createAppliance(config: ApplianceConfig & CommonConfig, context: ServiceContext): ProcessService {
  checkConfig(config);
  return new Appliance(config, context);
}

class Appliance implements ProcessService {
  readonly #config: ApplianceConfig & CommonConfig;
  readonly #context: ServiceContext;
  readonly #health = new Health();
  readonly #store: ObjectStore;
  readonly #http: HttpClient;
  readonly #load: LoadMeter;
  readonly #delivery: DeliveryServer;
  readonly #admin: JsonServer;
  #adminUrl = '';
  #state: ServingState = 'starting';

  constructor(config: ApplianceConfig & CommonConfig, context: ServiceContext) {
    const { logger, world } = context;
    this.#config = config;
    this.#context = context;
    const metrics = new Metrics('appliance');
    metrics.collectProcess();
    const applianceMetrics = new ApplianceMetrics(metrics);
    this.#health.fail('start', 'volumes are being opened');
    this.#load = new LoadMeter(world.clock, () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    });
    this.#http = new HttpClient({
      connectTimeoutMs: config.connectTimeoutMs,
      maxConnectionsPerHost: config.maxSourceConnections,
    });
    this.#store = createDiskObjectStore({
      volumes: config.volume.map((dir) => ({
        dir,
        capacityBytes: volumeCapacityBytes(dir, config.volumeCapacityBytes),
      })),
      memoryBytes: config.memoryBytes,
      world,
      logger,
      metrics,
    });
    const fills = new FillCoordinator({
      config,
      store: this.#store,
      http: this.#http,
      world,
      logger,
      metrics: applianceMetrics,
      health: this.#health,
    });
    const discovery = new ObjectDiscovery(fills, world, config);
    const delivery = {
      config,
      world,
      clock: world.clock,
      logger,
      metrics: applianceMetrics,
      load: this.#load,
      finder: { fills, discovery, nowMs: () => world.clock.nowMs() },
      isDraining: () => this.#isDraining,
      recordDemand: () => undefined,
    };
    this.#delivery = new DeliveryServer(config, (request, response) => handleGet(request, response, delivery));
    this.#admin = createAdminApi({
      actions: {
        setDraining: (draining) => this.#setDraining(draining),
        state: () => this.#describe(),
        explain: (key) => explainObject(key, fills, world.clock.nowMs()),
        purge: (key) => fills.purge(key),
      },
      health: this.#health,
      metrics,
      logger,
      maxTargetChars: config.maxTargetChars,
    });
  }

  async start(): Promise<void> {
    await this.#store.start();
    await this.#delivery.start();
    this.#adminUrl = `http://${formatHostPort(await listen(this.#admin, this.#config.adminListen))}`;
    this.#state = 'serving';
    this.#health.pass('start');
  }

  addresses(): Readonly<Record<string, string>> {
    return { listen: this.#delivery.url, admin: this.#adminUrl };
  }

  async drain(): Promise<void> {
    await this.#setDraining(true);
    const { clock } = this.#context.world;
    const endMs = clock.monotonicMs() + this.#config.drainMs;
    while (clock.monotonicMs() < endMs && (await this.#delivery.connectionCount()) > 0) {
      await clock.delay(Math.min(DRAIN_LOOK_MS, this.#config.drainMs));
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#state = 'drained';
    await this.#delivery.stop(deadlineMs);
    await this.#admin.close();
    await this.#http.destroy();
    await this.#store.stop(deadlineMs);
  }

  get #isDraining(): boolean {
    return this.#state === 'draining' || this.#state === 'drained';
  }

  async #setDraining(draining: boolean): Promise<void> {
    if (draining === this.#isDraining) return;
    this.#state = draining ? 'draining' : 'serving';
    if (draining) this.#health.fail('drain', 'the operator or a signal asked for it');
    else this.#health.pass('drain');
    this.#context.logger.info({ draining }, draining ? 'draining' : 'serving again');
    await Promise.resolve();
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
      load: {
        activeRequests: this.#load.activeRequests,
        egressBitsPerSec: Math.round(this.#load.egressBitsPerSec()),
      },
      usage: this.#store.usage(),
    };
  }
}

function checkConfig(config: ApplianceConfig): void {
  const problems: string[] = [];
  if (config.volume.length === 0) problems.push("a folder for content is missing: add '--volume DIR'");
  if (config.origin === '' && config.planner === '') {
    problems.push("nothing to serve from: add '--origin URL' (or '--planner URL' to serve planned files only)");
  }
  if ((config.tlsCert === '') !== (config.tlsKey === '')) problems.push('--tls-cert and --tls-key belong together');
  if (config.softEgressBitsPerSec > config.hardEgressBitsPerSec) {
    problems.push('--soft-egress-bits-per-sec must not be above --hard-egress-bits-per-sec');
  }
  if (problems.length > 0) throw new OperationalError('CONFIG_INVALID', problems.join('\n  '));
  for (const dir of [...config.volume, stateDir(config)]) {
    try {
      mkdirSync(dir, { recursive: true });
    } catch (error) {
      throw new OperationalError('CONFIG_INVALID', messageOf(error), { cause: error });
    }
  }
}

const stateDir = ({ state, volume }: ApplianceConfig): string =>
  state === '' ? join(volume[0] ?? '.', 'state') : state;
