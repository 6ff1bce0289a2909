import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import type { AbandonReason, ApplianceMetrics, RequestOutcome } from '../metrics.ts';
import type { Viewer, ViewQueue } from '../quality/view-queue.ts';
import type { ViewEnding } from '../quality/viewer-sketches.ts';
import type { RefusalReason } from './check-head.ts';
import type { LoadMeter } from './load-meter.ts';
import type { SendProgress } from './send-answer.ts';

/** Outcomes of answers for which this machine had not all the bytes. */
const FETCHED: ReadonlySet<RequestOutcome> = new Set(['partial', 'miss', 'collapsed', 'pass']);

export interface RecordContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly load: LoadMeter;
  /** Told what of a path was served, what of it had to be fetched, and what was only handed through; counts only. For one request unless said. */
  readonly recordDemand: (
    path: string,
    servedBytes: number,
    missedBytes: number,
    passedBytes: number,
    requests?: number,
  ) => void;
  /** Where views go that steering is told the quality of; undefined without steering. */
  readonly views: () => ViewQueue | undefined;
  /** The session that a viewer's player names, where the operator wants it in the log. */
  readonly sessionForLog: (viewer: Viewer) => string | undefined;
}

/**
 * What became of one request: one log line, the counters, the demand that it shows and what the viewer got. Never who
 * asked: no address, no cookie, no query; and the player's name for its session only where the operator asks for it.
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
  /** Nobody waits for it, so its time says nothing of viewers. */
  isBackground = false;
  reason: string | undefined;
  /** Who asks, unless it is another appliance. Told to nobody: see ViewerSketches for what becomes of it. */
  viewer: Viewer | undefined;
  #isAbandoned = false;

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
    this.#isAbandoned = true;
    this.reason = reason;
  }

  /** To be called once, when nothing more is sent. */
  end(): void {
    const { clock, load, logger, metrics, recordDemand, views, sessionForLog } = this.#context;
    load.requestEnded();
    const totalMs = clock.monotonicMs() - this.#beganAtMs;
    if (this.viewer !== undefined) views()?.put(this.viewer, this.#servedBytes, totalMs, this.#ending());
    const sid = this.viewer === undefined ? undefined : sessionForLog(this.viewer);
    metrics.requestEnded(this.outcome, this.#servedBytes, this.#firstByteMs);
    const isViewersHit = this.outcome === 'hit' && !this.isBackground;
    if (isViewersHit && this.#firstByteMs !== undefined) load.hitBegan(this.#firstByteMs);
    if (this.countsAsDemand && this.path !== undefined && this.#servedBytes > 0) {
      const bytes = this.#servedBytes;
      recordDemand(this.path, bytes, FETCHED.has(this.outcome) ? bytes : 0, this.outcome === 'pass' ? bytes : 0);
    }
    logger.debug(
      {
        method: this.#method,
        path: this.path,
        status: this.status,
        outcome: this.outcome,
        servedBytes: this.#servedBytes,
        firstByteMs: rounded(this.#firstByteMs),
        totalMs: rounded(totalMs),
        ...(sid === undefined ? {} : { sid }),
        ...(this.reason === undefined ? {} : { reason: this.reason }),
      },
      'request',
    );
  }

  #ending(): ViewEnding {
    if (this.outcome === 'failed' || this.status >= 500) return 'failed';
    return this.#isAbandoned ? 'left' : 'whole';
  }
}

const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 10) / 10;
