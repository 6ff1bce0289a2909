import type { ServiceContext } from '../src/cli/service-command.ts';
import type { Service } from '../src/lifecycle/service.ts';
import { softwareVersion } from '../src/lifecycle/software-version.ts';
import type { Metrics } from '../src/telemetry/metrics.ts';
import type { ApplianceConfig } from './config.ts';
import { DeliveryServer } from './delivery/delivery-server.ts';
import type { DeliveryContext } from './delivery/exchange.ts';
import { handleGet } from './delivery/handle-get.ts';
import { FastPath } from './fast-path/fast-path.ts';
import { takeInheritedSocket } from './fast-path/listening.ts';
import { chooseEngine, type EngineChoice } from './fast-path/owner/choose-engine.ts';
import { EngineMemory } from './fast-path/owner/engine-memory.ts';
import { WireMetrics } from './fast-path/owner/wire-metrics.ts';
import type { PurgeRule } from './purge/purge-rule.ts';
import type { DiskStore } from './store/disk-object-store.ts';
import type { UrlTokens } from './tokens/url-tokens.ts';

/** Which engine serves, chosen once, before the memory is made that it sends from. */
export class Engine {
  readonly choice: EngineChoice;
  readonly memory: EngineMemory;

  constructor(config: ApplianceConfig, stateDir: string, { logger, world }: ServiceContext) {
    this.memory = new EngineMemory({ stateDir, clock: world.clock, logger, softwareVersion: softwareVersion() });
    this.choice = chooseEngine(config, this.memory);
    if (this.choice.kind === 'reference' && this.choice.isFallback) {
      logger.warn({ because: this.choice.because }, 'the reference engine serves alone');
    }
  }
}

export interface DeliverySideOptions {
  readonly config: ApplianceConfig;
  readonly context: ServiceContext;
  readonly metrics: Metrics;
  readonly engine: Engine;
  readonly store: DiskStore;
  readonly delivery: DeliveryContext;
  readonly tokens: UrlTokens;
}

const NO_MEMORY = 'there is no memory that threads could share: --memory-bytes is too small, or the system gives none';

/** What serves viewers: the reference engine, and the fast one before it where there is one. */
export class DeliverySide implements Service {
  readonly #options: DeliverySideOptions;
  readonly #server: DeliveryServer;
  readonly #fastPath: FastPath | undefined;
  readonly #wireMetrics: WireMetrics;

  constructor(options: DeliverySideOptions) {
    const { config, delivery, metrics } = options;
    this.#options = options;
    const inheritedFd = takeInheritedSocket(process.env, process.pid);
    this.#wireMetrics = new WireMetrics(metrics, () => this.#fastPath?.threadCount ?? 0);
    this.#fastPath = this.#createFastPath(inheritedFd);
    this.#server = new DeliveryServer({
      config,
      handle: (request, response) => handleGet(request, response, delivery),
      onRefused: (reason) => delivery.metrics.refused(reason),
      mover: this.#fastPath?.mover,
      inheritedFd,
    });
  }

  /** @throws OperationalError CONFIG_INVALID, ADDRESS_UNAVAILABLE */
  async start(): Promise<void> {
    this.#options.engine.memory.begin(this.#fastPath !== undefined);
    await this.#server.start(await this.#fastPath?.start());
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#fastPath?.stopListening();
    const threadsEnded = this.#fastPath?.stop(deadlineMs);
    await Promise.all([threadsEnded, this.#server.stop(deadlineMs, threadsEnded)]);
  }

  /** `http://127.0.0.1:8080`: where it listens, known after start. */
  get url(): string {
    return this.#server.url;
  }

  connectionCount(): Promise<number> {
    return this.#fastPath === undefined
      ? this.#server.connectionCount()
      : Promise.resolve(this.#fastPath.connectionCount);
  }

  /** Whether answers ask clients to connect elsewhere next time. */
  setDraining(isDraining: boolean): void {
    this.#fastPath?.setDraining(isDraining);
  }

  /**
   * How many bodies that a purge means are being sent beside those of the reference engine; with `cut` they are ended.
   * @throws OperationalError OVERLOADED when a thread does not answer
   */
  running(rule: PurgeRule, cut: boolean): Promise<number> {
    return this.#fastPath?.running(rule, cut) ?? Promise.resolve(0);
  }

  /** For the operator: which engine serves, and which way requests take. */
  status(): object {
    const { choice } = this.#options.engine;
    if (choice.kind === 'reference') return { name: 'reference', because: choice.because };
    if (this.#fastPath === undefined) return { name: 'reference', because: NO_MEMORY };
    return { name: 'fast', threads: this.#fastPath.threadCount, ...this.#wireMetrics.counts() };
  }

  #createFastPath(inheritedFd: number | undefined): FastPath | undefined {
    const { config, context, delivery, engine, store, tokens } = this.#options;
    const { memory } = store;
    const { logger, world } = context;
    if (engine.choice.kind === 'reference') return undefined;
    if (memory === undefined) {
      logger.warn({ because: NO_MEMORY }, 'the reference engine serves alone');
      return undefined;
    }
    return new FastPath({
      config,
      libc: engine.choice.libc,
      world,
      logger,
      memory,
      finder: () => delivery.finder,
      load: delivery.load,
      sinks: {
        metrics: delivery.metrics,
        recordDemand: (path, servedBytes, requests) => delivery.recordDemand(path, servedBytes, 0, 0, requests),
        served: (key, bytes) => store.served(key, bytes),
        views: delivery.views,
        hitBegan: (firstByteMs) => delivery.load.hitBegan(firstByteMs),
        tokensChecked: (outcome, count) => tokens.gate.count(outcome, count),
      },
      metrics: this.#wireMetrics,
      verifiedTokens: tokens.verified,
      takeOver: (connection, bytes, isOneHead) => this.#server.takeOver(connection, bytes, isOneHead),
      inheritedFd,
      engineMemory: engine.memory,
    });
  }
}
