import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import {
  type Heartbeat,
  type HeartbeatAnswer,
  parseHeartbeatAnswer,
  type ServingState,
} from '../../src/contracts/heartbeat.ts';
import { encodeHoldings } from '../../src/contracts/holdings.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Health } from '../../src/lifecycle/health.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { InventoryLook } from './inventory-look.ts';

export interface ApplianceLoad {
  readonly egressBitsPerSec: number;
  readonly activeRequests: number;
  /** Share of one core. */
  readonly cpuShare: number;
}

export interface HeartbeatSenderOptions {
  readonly applianceId: string;
  readonly siteId: string;
  readonly clusterId: string;
  readonly softwareVersion: string;
  readonly capacity: Heartbeat['capacity'];
  readonly service: EnrolledService;
  readonly store: Pick<ObjectStore, 'objects' | 'find'>;
  readonly plan: () => FillPlan | undefined;
  readonly health: Health;
  readonly load: () => ApplianceLoad;
  readonly state: () => ServingState;
  /** '' until the appliance listens: before that there is nothing to tell. */
  readonly publicUrl: () => string;
  readonly world: World;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly onHeartbeat: (outcome: 'acknowledged' | 'failed') => void;
  /** @param sentAtMs when the heartbeat left, on the wall clock */
  readonly onAnswer: (answer: HeartbeatAnswer, sentAtMs: number) => void;
}

const MIN_DEADLINE_MS = 1000;
const MAX_REASONS = 16;
const MAX_REASON_CHARS = 200;

/**
 * Tells steering every few seconds that this appliance lives, how it is, and what it holds. A lost heartbeat is not
 * repeated: the next one says it all, and newer. Steering drops what comes out of order by instance and sequence, so an
 * announcement may overtake a heartbeat that is on its way.
 */
export class HeartbeatSender implements Service {
  readonly #options: HeartbeatSenderOptions;
  readonly #instanceId: string;
  readonly #log: FailureLog;
  readonly #look: InventoryLook;
  readonly #task: PeriodicTask;
  readonly #ended = new AbortController();
  #sequence = 0;
  #answer: HeartbeatAnswer | undefined;
  #acknowledgedAtMs: number | undefined;

  constructor(options: HeartbeatSenderOptions) {
    this.#options = options;
    this.#instanceId = options.world.random.uuid();
    this.#log = new FailureLog(options.logger, 'send heartbeats to steering');
    this.#look = new InventoryLook(options.store, options.world.clock);
    this.#task = new PeriodicTask(options.world, options.heartbeatMs, (signal) => this.#beat(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('stopped'));
    await this.#task.stop(deadlineMs);
  }

  /** Sends one now, beside the regular ones, because something changed that steering must know. Never rejects. */
  async announce(): Promise<void> {
    if (this.#options.service.isUsable && !this.#ended.signal.aborted) await this.#send(this.#ended.signal);
  }

  /** The last answer: lease and keys. */
  get answer(): HeartbeatAnswer | undefined {
    return this.#answer;
  }

  /** When steering last acknowledged one, on the monotonic clock. */
  get acknowledgedAtMs(): number | undefined {
    return this.#acknowledgedAtMs;
  }

  async #beat(signal: AbortSignal): Promise<void> {
    await this.#options.service.usable(signal);
    await this.#send(signal);
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { service, world, onHeartbeat, onAnswer, publicUrl, heartbeatMs } = this.#options;
    if (publicUrl() === '') return;
    // One that takes longer than the wait for the next is worth nothing.
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(Math.max(MIN_DEADLINE_MS, heartbeatMs))]);
    try {
      const heartbeat = this.#compose();
      const answer = parseHeartbeatAnswer(await service.post('/v1/heartbeat', heartbeat, deadline));
      this.#answer = answer;
      onAnswer(answer, heartbeat.sentAtMs);
      this.#acknowledgedAtMs = world.clock.monotonicMs();
      this.#log.worked();
      onHeartbeat('acknowledged');
    } catch (error) {
      if (signal.aborted) return;
      if (!isOperational(error) && !(error instanceof ContractError)) throw error;
      this.#log.failed(error);
      onHeartbeat('failed');
    }
  }

  #compose(): Heartbeat {
    const { applianceId, siteId, clusterId, softwareVersion, capacity, world, health } = this.#options;
    const { load, state, publicUrl, plan } = this.#options;
    const { egressBitsPerSec, activeRequests, cpuShare } = load();
    const inForce = plan();
    this.#sequence += 1;
    return {
      version: 1,
      applianceId,
      siteId,
      clusterId,
      instanceId: this.#instanceId,
      sequence: this.#sequence,
      sentAtMs: world.clock.nowMs(),
      softwareVersion,
      publicUrl: publicUrl(),
      state: state(),
      health: {
        healthy: health.ready,
        reasons: health
          .reasons()
          .slice(0, MAX_REASONS)
          .map((reason) => reason.slice(0, MAX_REASON_CHARS)),
      },
      load: { egressBitsPerSec, activeRequests, cpuShare },
      capacity,
      ...(inForce === undefined
        ? {}
        : { holdings: encodeHoldings(inForce.planVersion, this.#look.take(inForce).levels) }),
    };
  }
}
