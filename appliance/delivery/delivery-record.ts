import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import type { AbandonReason, ApplianceMetrics, RequestOutcome } from '../metrics.ts';
import type { RefusalReason } from './check-head.ts';
import type { LoadMeter } from './load-meter.ts';
import type { SendProgress } from './send-answer.ts';

export interface RecordContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly load: LoadMeter;
  /** Told what of a path was served; counts only. */
  readonly recordDemand: (path: string, servedBytes: number) => void;
}

/**
 * What became of one request: one log line, the counters, and the demand that it shows. Never who asked: no address,
 * no cookie, no query.
 */
export class DeliveryRecord implements SendProgress {
  readonly #context: RecordContext;
  readonly #method: string;
  readonly #beganAtMs: number;
  #firstByteMs: number | undefined;
  #servedBytes = 0;
  path: string | undefined;
  status = 0;
  outcome: RequestOutcome = 'refused';
  /** Whether the object is content that the planner may want to know the demand of. */
  countsAsDemand = false;
  reason: string | undefined;

  constructor(method: string, context: RecordContext) {
    this.#context = context;
    this.#method = method;
    this.#beganAtMs = context.clock.monotonicMs();
    context.load.requestBegan();
  }

  headSent(): void {
    this.#firstByteMs ??= this.#context.clock.monotonicMs() - this.#beganAtMs;
  }

  bodySent(bytes: number): void {
    this.#servedBytes += bytes;
    this.#context.load.sent(bytes);
  }

  /** No object was looked for: the request itself was refused. */
  refused(reason: RefusalReason, detail: string = reason): void {
    this.#context.metrics.refused(reason);
    this.reason = detail;
  }

  abandoned(reason: AbandonReason): void {
    this.#context.metrics.answerAbandoned(reason);
    this.reason = reason;
  }

  /** To be called once, when nothing more is sent. */
  end(): void {
    const { clock, load, logger, metrics, recordDemand } = this.#context;
    load.requestEnded();
    metrics.requestEnded(this.outcome, this.#servedBytes, this.#firstByteMs);
    if (this.outcome === 'hit' && this.#firstByteMs !== undefined) load.hitBegan(this.#firstByteMs);
    if (this.countsAsDemand && this.path !== undefined && this.#servedBytes > 0) {
      recordDemand(this.path, this.#servedBytes);
    }
    logger.debug(
      {
        method: this.#method,
        path: this.path,
        status: this.status,
        outcome: this.outcome,
        servedBytes: this.#servedBytes,
        firstByteMs: rounded(this.#firstByteMs),
        totalMs: rounded(clock.monotonicMs() - this.#beganAtMs),
        ...(this.reason === undefined ? {} : { reason: this.reason }),
      },
      'request',
    );
  }
}

const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 10) / 10;
