/**
 * What is known of a source by the way it answers: whether to ask it, how soon its silence is strange, and whether its
 * bytes can be trusted.
 *
 * One record per source, shared by viewers' fills, the plan's and the questions for heads, so that what one of them
 * paid for is known to all. A breaker keeps everybody from a source that fails (src/resilience/circuit-breaker.ts): then
 * viewers lose no time at it. Retries have a budget, so that a source in trouble is not asked several times as much as
 * in good times. A source that gave wrong bytes is left alone for minutes, longer each time: its answers are quick and
 * its state looks fine, so nothing else would keep it out. The origin is never left alone for that: whatever it says is
 * all that there is.
 */
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { type BreakerPass, type BreakerState, CircuitBreaker } from '../../../src/resilience/circuit-breaker.ts';
import { ShareBudget } from '../../../src/resilience/share-budget.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { ApplianceMetrics, SourceKind } from '../../metrics.ts';
import { LatencySketch } from '../planned/latency-sketch.ts';

/** How a request ended, for the source. */
export type SourceResult =
  | 'fine'
  /** No connection, or no answer in time. */
  | 'silent'
  /** It answered, with a failure of its own. */
  | 'refused'
  /** It ended for a reason that says nothing of the source. */
  | 'unknown';

const BREAKER = {
  failuresInRow: 5,
  failureShare: 0.5,
  minResults: 20,
  windowMs: 10_000,
  firstMs: 1000,
  // Longer would only keep viewers from a source that has come back: a probe costs one of them a wait.
  maxMs: 5000,
};
const RETRIES = { share: 0.2, perSec: 1, burst: 10 };
const SKETCH_HALF_LIFE_MS = 60_000;
/** When nothing was measured yet, and the bounds of what was. */
const LATE_UNKNOWN_MS = 1000;
const LATE_FLOOR_MS = 100;
const LATE_CEILING_MS = 2000;
/** Wrong bytes count as one, and half as much after this long; more than a half is not to be trusted. */
const DISTRUST_HALF_LIFE_MS = 600_000;
const DISTRUST_LIMIT = 0.5;
const DEATHS_HALF_LIFE_MS = 60_000;
const RATE_MEMORY = 0.2;

export class SourceHealth {
  readonly kind: SourceKind;
  readonly #name: string;
  readonly #isBanned: () => boolean;
  readonly #world: World;
  readonly #logger: Logger;
  readonly #metrics: ApplianceMetrics;
  readonly #breaker = new CircuitBreaker(BREAKER);
  readonly #retries: ShareBudget;
  readonly #firstBytes: LatencySketch;
  readonly #wrong = new Fading(DISTRUST_HALF_LIFE_MS);
  readonly #deaths = new Fading(DEATHS_HALF_LIFE_MS);
  #bytesPerMs: number | undefined;
  #toldState: BreakerState = 'closed';

  constructor(
    name: string,
    kind: SourceKind,
    parts: { readonly world: World; readonly logger: Logger; readonly metrics: ApplianceMetrics },
    isBanned: () => boolean = () => false,
  ) {
    this.#isBanned = isBanned;
    this.kind = kind;
    this.#name = name;
    this.#world = parts.world;
    this.#logger = parts.logger;
    this.#metrics = parts.metrics;
    const nowMs = this.#nowMs;
    this.#retries = new ShareBudget(RETRIES, nowMs);
    this.#firstBytes = new LatencySketch(SKETCH_HALF_LIFE_MS, nowMs);
  }

  /** Leave to ask, to be ended by `ended`. @throws OperationalError SOURCE_RESTING when nobody may now */
  enter(): BreakerPass {
    const pass = this.#breaker.tryPass(this.#nowMs);
    if (pass === undefined) {
      throw new OperationalError('SOURCE_RESTING', `${this.#name}: next try in ${Math.ceil(this.restMs)} ms`);
    }
    if (pass.isProbe) this.#tell('half-open');
    this.#retries.requested();
    return pass;
  }

  ended(pass: BreakerPass, result: SourceResult): void {
    const nowMs = this.#nowMs;
    if (result === 'fine') this.#breaker.succeeded(pass, nowMs);
    else if (result === 'unknown') this.#breaker.abandoned(pass);
    else {
      this.#breaker.failed(pass, nowMs, this.#world.random.next(), result === 'silent' ? 'silent' : 'answered');
    }
    this.#tell(this.#breaker.state(nowMs));
  }

  /** Requests go in a circle through it: not to be asked for a while. */
  looped(): void {
    this.#breaker.trip(this.#nowMs, this.#world.random.next());
    this.#tell('open');
  }

  /** How long nobody may ask, in ms; 0 when somebody may. */
  get restMs(): number {
    return this.#breaker.restMs(this.#nowMs);
  }

  /** As it is now, for metrics. */
  get state(): BreakerState {
    return this.#breaker.state(this.#nowMs);
  }

  /** Takes leave to ask again what just failed here. */
  mayRetry(): boolean {
    return this.#retries.tryTake(this.#nowMs);
  }

  /** It gave bytes that cannot be right. */
  gaveWrongBytes(): void {
    this.#wrong.add(this.#nowMs);
  }

  get isTrusted(): boolean {
    if (this.kind === 'origin') return true;
    return this.#wrong.value(this.#nowMs) <= DISTRUST_LIMIT && !this.#isBanned();
  }

  /** A body of it ended early. */
  died(): void {
    this.#deaths.add(this.#nowMs);
  }

  /** Bodies of late that ended early; fades within minutes. */
  get recentDeaths(): number {
    return this.#deaths.value(this.#nowMs);
  }

  /** Its first bytes came after so long. */
  firstByteCame(afterMs: number): void {
    this.#firstBytes.fade(this.#nowMs);
    this.#firstBytes.add(afterMs);
  }

  /** So many bytes came in one stream within so long. */
  streamed(bytes: number, withinMs: number): void {
    if (withinMs <= 0) return;
    const rate = bytes / withinMs;
    this.#bytesPerMs =
      this.#bytesPerMs === undefined ? rate : this.#bytesPerMs + RATE_MEMORY * (rate - this.#bytesPerMs);
  }

  /** About the 95th percentile of its times to the first byte; undefined before enough of them are known. */
  get slowFirstByteMs(): number | undefined {
    return this.#firstBytes.slowMs();
  }

  /** Silence that is longer than this is unusual for it. */
  get lateAfterMs(): number {
    const slowMs = this.slowFirstByteMs ?? LATE_UNKNOWN_MS;
    return Math.min(LATE_CEILING_MS, Math.max(LATE_FLOOR_MS, slowMs));
  }

  /** Its usual speed; undefined before it is known. */
  get bytesPerMs(): number | undefined {
    return this.#bytesPerMs;
  }

  get #nowMs(): number {
    return this.#world.clock.monotonicMs();
  }

  #tell(state: BreakerState): void {
    if (state === this.#toldState) return;
    this.#metrics.breakerChanged(this.kind, this.#toldState, state);
    this.#toldState = state;
    const restMs = Math.ceil(this.restMs);
    if (state === 'open')
      this.#logger.warn({ source: this.#name, restMs }, 'a source fails: it is left alone for a while');
    else if (state === 'half-open') this.#logger.info({ source: this.#name }, 'a source is tried again');
    else this.#logger.info({ source: this.#name }, 'a source answers again');
  }
}

/** A count that halves in a set time. */
class Fading {
  readonly #halfLifeMs: number;
  #count = 0;
  #atMs = 0;

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  add(nowMs: number): void {
    this.#count = this.value(nowMs) + 1;
    this.#atMs = nowMs;
  }

  value(nowMs: number): number {
    return this.#count * 2 ** ((this.#atMs - nowMs) / this.#halfLifeMs);
  }
}
