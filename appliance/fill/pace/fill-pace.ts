import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { FillPlanSource, FillWindow } from '../../../src/contracts/fill-plan.ts';
import type { Clock } from '../../../src/world/world.ts';
import { linkRate } from './fill-window.ts';
import type { LinkUse } from './link-use.ts';
import { type RateEntry, RateLedger } from './rate-ledger.ts';

/**
 * How much may come in now, and from where. Two things are spared apart: the site's link, which other sites and the
 * origin are across, and the peers beside us, where the plan names a rate of their own. The link has a rate that may
 * change within a window, and caps in bytes over days, which count what came before a restart, too.
 */
export type Lane = 'link' | 'peers';

export interface FillPaceOptions {
  readonly clock: Clock;
  readonly linkUse: Pick<LinkUse, 'fillBytes'>;
}

const LEAST_AT_ONCE = 2;
const MOST_AT_ONCE = 16;
/** Blocks on their way that a rate needs, where each takes this long. */
const BLOCK_TAKES_SEC = 0.1;

export class FillPace {
  readonly #options: FillPaceOptions;
  readonly #link: RateLedger;
  readonly #peers: RateLedger;
  #window: FillWindow | undefined;
  #isLinkOpen = true;

  constructor(options: FillPaceOptions) {
    this.#options = options;
    this.#link = new RateLedger(options.clock, 1);
    this.#peers = new RateLedger(options.clock, 1);
  }

  /** Goes by this window from now on. @param share of its rates that viewers leave, 0 to 1 */
  follow(window: FillWindow, share: number): void {
    this.#window = window;
    // A share of nothing keeps its rate: nothing is begun anyway, and a rate of nothing would never look again.
    const used = share === 0 ? 1 : share;
    const linkBitsPerSec = linkRate(window, this.#options.clock.nowMs());
    this.#isLinkOpen = linkBitsPerSec > 0;
    this.#link.setRate(((linkBitsPerSec > 0 ? linkBitsPerSec : window.fillBitsPerSec) / 8) * used);
    if (window.peerBitsPerSec !== undefined) this.#peers.setRate((window.peerBitsPerSec / 8) * used);
  }

  /** Which rate the bytes of a source come under. */
  laneOf(kind: FillPlanSource['kind']): Lane {
    return kind === 'peer' && this.#window?.peerBitsPerSec !== undefined ? 'peers' : 'link';
  }

  /**
   * Whether a block may be asked of such a source at all now; how soon is for `take` to say.
   * @param takenBytes what the asker has leave for already
   */
  mayAsk(kind: FillPlanSource['kind'], takenBytes = 0): boolean {
    if (kind === 'peer') return true;
    return this.#isLinkOpen && this.linkLeftBytes() + takenBytes >= BLOCK_BYTES;
  }

  /** What the caps leave for the link now; Infinity without any. */
  linkLeftBytes(): number {
    const { clock, linkUse } = this.#options;
    const nowMs = clock.nowMs();
    const inForce = (this.#window?.caps ?? []).filter(({ sinceMs, untilMs }) => sinceMs <= nowMs && nowMs < untilMs);
    const left = inForce.map(({ sinceMs, untilMs, maxBytes }) => maxBytes - linkUse.fillBytes(sinceMs, untilMs));
    return Math.min(Number.POSITIVE_INFINITY, ...left) - this.#link.openBytes;
  }

  /** Resolves when so many bytes may be asked for. Rejects with the signal's reason. */
  take(lane: Lane, bytes: number, signal: AbortSignal): Promise<RateEntry> {
    return (lane === 'peers' ? this.#peers : this.#link).take(bytes, signal);
  }

  /** How many blocks may be on their way at one time. */
  atOnce(lane: Lane): number {
    const bitsPerSec = (lane === 'peers' ? this.#window?.peerBitsPerSec : this.#window?.fillBitsPerSec) ?? 0;
    return Math.min(MOST_AT_ONCE, Math.max(LEAST_AT_ONCE, Math.ceil((bitsPerSec / 8 / BLOCK_BYTES) * BLOCK_TAKES_SEC)));
  }
}
