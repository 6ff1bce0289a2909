import type { FillWindow } from '../../../src/contracts/fill-plan.ts';
import { linkRate, nextChangeMs } from './fill-window.ts';

/**
 * When the fill will be done, and what of it will be there when the window closes.
 *
 * The obvious, what is left over the rate of the last seconds, promises an end at noon to a fill whose window closes at
 * six. So what is left is laid into the windows that are open and to come, in the order in which it is filled, at the
 * rate that was measured and never above what each window allows at each time. Where nothing was measured yet the
 * windows' own rates are taken, and the answer says that it is the best case.
 *
 * Value is what the plan expects a file to serve, by bytes held of it: the best files come first, so a window that is
 * cut short leaves more of the value than of the bytes.
 *
 * Limits: it knows nothing of sources that will fail, of viewers that will come, and of caps in bytes.
 */
export interface ForecastInput {
  readonly nowMs: number;
  /** Open and to come, ascending, without overlap, and as far as they are still ahead. */
  readonly windows: readonly FillWindow[];
  /** Undefined when it has not filled yet. */
  readonly measuredBytesPerSec: number | undefined;
  /** In the order in which they are filled. */
  readonly missing: readonly MissingFile[];
}

export interface MissingFile {
  readonly priority: number;
  /** What lacks of it. */
  readonly bytes: number;
  /** Of the value of the plan, what comes with these bytes. */
  readonly value: number;
}

export interface FillForecast {
  /** When everything will be here; undefined when no window that is known brings it to an end. */
  readonly endsAtMs: number | undefined;
  /** The window that is open, or the next. */
  readonly window: { readonly endsAtMs: number; readonly bytes: number; readonly value: number } | undefined;
  /** Whether it goes by what was measured; else by what the windows allow at best. */
  readonly isMeasured: boolean;
}

export function forecastFill({ nowMs, windows, measuredBytesPerSec, missing }: ForecastInput): FillForecast {
  const rest = new Rest(missing);
  let endsAtMs: number | undefined = missing.length === 0 ? nowMs : undefined;
  let first: FillForecast['window'];
  for (const window of windows) {
    if (endsAtMs !== undefined) break;
    let atMs = Math.max(nowMs, window.startsAtMs);
    while (atMs < window.endsAtMs && endsAtMs === undefined) {
      const untilMs = Math.min(window.endsAtMs, nextChangeMs(window, atMs));
      const allowed = (linkRate(window, atMs) + (window.peerBitsPerSec ?? 0)) / 8;
      const bytesPerMs = Math.min(allowed, measuredBytesPerSec ?? allowed) / 1000;
      const usedMs = rest.take(bytesPerMs, untilMs - atMs, window.lastPriority ?? Number.POSITIVE_INFINITY);
      if (rest.isEmpty) endsAtMs = Math.ceil(atMs + usedMs);
      atMs = untilMs;
    }
    first ??= { endsAtMs: window.endsAtMs, bytes: rest.takenBytes, value: rest.takenValue };
  }
  return { endsAtMs, window: first, isMeasured: measuredBytesPerSec !== undefined };
}

/** What is left, taken from its beginning. */
class Rest {
  readonly #files: readonly MissingFile[];
  #next = 0;
  #takenOfNext = 0;
  takenBytes = 0;
  takenValue = 0;

  constructor(files: readonly MissingFile[]) {
    this.#files = files;
    this.#skipEmpty();
  }

  get isEmpty(): boolean {
    return this.#next >= this.#files.length;
  }

  /** @returns how much of the time it took */
  take(bytesPerMs: number, forMs: number, lastPriority: number): number {
    if (bytesPerMs <= 0) return 0;
    let leftMs = forMs;
    while (leftMs > 0) {
      const file = this.#files[this.#next];
      if (file === undefined || file.priority > lastPriority) break;
      const bytes = Math.min(file.bytes - this.#takenOfNext, leftMs * bytesPerMs);
      this.takenBytes += bytes;
      this.takenValue += file.value * (bytes / file.bytes);
      this.#takenOfNext += bytes;
      leftMs -= bytes / bytesPerMs;
      // What is left of a file after so many sums of fractions is less than a byte.
      if (file.bytes - this.#takenOfNext >= 0.5) break;
      this.#next += 1;
      this.#takenOfNext = 0;
      this.#skipEmpty();
    }
    return forMs - leftMs;
  }

  #skipEmpty(): void {
    while (this.#files[this.#next]?.bytes === 0) {
      this.takenValue += this.#files[this.#next]?.value ?? 0;
      this.#next += 1;
    }
  }
}
