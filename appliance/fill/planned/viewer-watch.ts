import type { Service } from '../../../src/lifecycle/service.ts';
import type { Metrics } from '../../../src/telemetry/metrics.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import { BulkShare } from './bulk-share.ts';

/** How long a viewer has been waiting for a volume by now. */
export interface VolumeWait {
  readonly dir: string;
  readonly viewerWaitMs: number;
}

export interface ViewerWatchOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** What is sent now, as a share of the soft limit of egress. */
  readonly egressShare: () => number;
  /** The longest that a viewer has been waiting on each volume: a read that never ends is no latency yet. */
  readonly waits: () => readonly VolumeWait[];
}

const LOOK_MS = 100;
/** Younger waits may still end in time, and then they are counted. */
const LONG_WAIT_MS = 10;

/** Measures what viewers wait for, and tells bulk work ten times a second how much of its rate it may use. */
export class ViewerWatch implements Service {
  readonly #options: ViewerWatchOptions;
  readonly #bulk: BulkShare;
  readonly #yields;
  readonly #heldBackSec;
  #timer: Timer | undefined;
  #lookedAtMs: number;
  #wasYielding = false;

  constructor(options: ViewerWatchOptions) {
    const { clock, metrics } = options;
    this.#options = options;
    this.#lookedAtMs = clock.monotonicMs();
    this.#bulk = new BulkShare(this.#lookedAtMs);
    metrics.gauge(
      'bulk_share',
      'Share of its rate that bulk work (planned fill, scrub) may use now. Long below 1 in a fill window: viewers leave too little, fill earlier or add disks.',
      [],
      (gauge) => gauge.set(this.#bulk.share),
    );
    this.#yields = metrics.counter(
      'bulk_yields_total',
      'Times that bulk work gave way to viewers, by cause: a disk or the first byte took twice as long as usual, or egress passed its soft limit. Often `disk` in the fill window: lower its rate.',
      ['cause'],
    );
    this.#heldBackSec = metrics.counter(
      'bulk_held_back_seconds_total',
      'Time that bulk work lost to viewers, by cause; half a rate for two seconds is one. Much: the plan comes late.',
      ['cause'],
    );
  }

  /** 0: begin nothing new; 1: the full rate. */
  get share(): number {
    return this.#bulk.share;
  }

  /** A volume answered a viewer's read, so long after it was asked. */
  diskAnswered(dir: string, latencyMs: number): void {
    this.#bulk.observe('disk', dir, latencyMs);
  }

  /** A hit began to leave, so long after its request was complete. */
  hitBegan(latencyMs: number): void {
    this.#bulk.observe('first-byte', 'hits', latencyMs);
  }

  start(): Promise<void> {
    this.#timer = this.#options.clock.setTimer(LOOK_MS, () => this.#look());
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#timer?.cancel();
    return Promise.resolve();
  }

  #look(): void {
    const { clock, egressShare, waits } = this.#options;
    this.#timer = clock.setTimer(LOOK_MS, () => this.#look());
    const nowMs = clock.monotonicMs();
    for (const { dir, viewerWaitMs } of waits()) {
      if (viewerWaitMs >= LONG_WAIT_MS) this.#bulk.observe('disk', dir, viewerWaitMs);
    }
    const cause = this.#bulk.decide(nowMs, egressShare());
    if (cause !== undefined && !this.#wasYielding) this.#yields.inc({ cause });
    this.#wasYielding = cause !== undefined;
    const lostSec = ((nowMs - this.#lookedAtMs) / 1000) * (1 - this.#bulk.share);
    if (this.#bulk.cause !== undefined) this.#heldBackSec.inc({ cause: this.#bulk.cause }, lostSec);
    this.#lookedAtMs = nowMs;
  }
}
