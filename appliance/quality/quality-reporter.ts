import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { QualitySketch } from '../../src/contracts/quality-sketch.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import { KeyedHash } from '../../src/hashing/keyed-hash.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import { ViewQueue } from './view-queue.ts';
import { ViewerSketches } from './viewer-sketches.ts';

export interface QualityReporterOptions {
  readonly applianceId: string;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly shipMs: number;
  readonly minClients: number;
}

/** At ten thousand requests a second some two thousand wait; a quarter of a millisecond of work for each hundred. */
const DRAIN_MS = 200;
const VIEWS_PER_SLICE = 200;
const KEY_BYTES = 8;
const MIN_DEADLINE_MS = 1000;

/**
 * Tells steering every few seconds what viewers got from here. A sketch that steering does not get is gone: the next
 * one says how it is by then, and that is what matters.
 */
export class QualityReporter implements Service {
  readonly queue = new ViewQueue();
  readonly #options: QualityReporterOptions;
  readonly #sketches: ViewerSketches;
  readonly #log: FailureLog;
  readonly #drain: PeriodicTask;
  readonly #ship: PeriodicTask;
  readonly #views;
  readonly #sent;

  constructor(options: QualityReporterOptions) {
    const { world, metrics, minClients, shipMs } = options;
    this.#options = options;
    this.#sketches = new ViewerSketches(minClients, new KeyedHash(world.random.bytes(KEY_BYTES)));
    this.#log = new FailureLog(options.logger, 'send quality sketches to steering');
    this.#views = metrics.counter(
      'quality_views_total',
      'Answers to viewers by how they count for the quality that steering is told: `capped` are more than one viewer may weigh, `malformed` come with a report that cannot be read, `left-out` came faster than they are counted.',
      ['outcome'],
    );
    this.#sent = metrics.counter(
      'quality_sketches_total',
      'Sketches of quality to steering, by outcome. Those that `failed` are lost; steering then judges by what players say.',
      ['outcome'],
    );
    this.#drain = new PeriodicTask(world, DRAIN_MS, (signal) => this.#drainQueue(signal));
    this.#ship = new PeriodicTask(world, shipMs, (signal) => this.#send(signal));
  }

  async start(): Promise<void> {
    await this.#drain.start();
    await this.#ship.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([this.#drain.stop(deadlineMs), this.#ship.stop(deadlineMs)]);
  }

  async #drainQueue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.world;
    const leftOut = this.queue.takeLeftOut();
    if (leftOut > 0) this.#views.inc({ outcome: 'left-out' }, leftOut);
    const nowMs = clock.monotonicMs();
    const counts = { counted: 0, capped: 0, malformed: 0 };
    while (this.queue.drain(VIEWS_PER_SLICE, (view) => (counts[this.#sketches.take(view, nowMs)] += 1)))
      await clock.delay(1, signal);
    for (const [outcome, count] of Object.entries(counts)) if (count > 0) this.#views.inc({ outcome }, count);
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { applianceId, service, world, shipMs } = this.#options;
    await service.usable(signal);
    const sketch = this.#sketches.ship(world.clock.monotonicMs());
    if (sketch === undefined) return;
    const body: QualitySketch = { version: 1, applianceId, sentAtMs: world.clock.nowMs(), ...sketch };
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(Math.max(MIN_DEADLINE_MS, shipMs))]);
    try {
      await service.post('/v1/quality', body, deadline);
      this.#log.worked();
      this.#sent.inc({ outcome: 'acknowledged' });
    } catch (error) {
      if (signal.aborted) return;
      if (!isOperational(error)) throw error;
      this.#log.failed(error);
      this.#sent.inc({ outcome: 'failed' });
    }
  }
}
