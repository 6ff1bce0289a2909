/**
 * Extra requests as a share of the ordinary ones: retries, hedges. Where all retry what fails, a source that fails a
 * tenth of the time gets a tenth more to do, and one that fails always gets several times its load when it can least
 * bear it. Each ordinary request puts a share of a token in, each extra one takes a token out, and a trickle keeps a
 * quiet source from never being retried. In any time the extra requests are at most
 * `burst + perSec * seconds + share * requests`. Pure: time is given.
 */
export interface ShareBudgetSettings {
  /** 0 to 1. */
  readonly share: number;
  readonly perSec: number;
  /** Tokens at the beginning, and at most. 0 allows nothing ever. */
  readonly burst: number;
}

export class ShareBudget {
  readonly #settings: ShareBudgetSettings;
  #tokens: number;
  #filledAtMs: number;

  constructor(settings: ShareBudgetSettings, nowMs: number) {
    this.#settings = settings;
    this.#tokens = settings.burst;
    this.#filledAtMs = nowMs;
  }

  /** An ordinary request was made. */
  requested(): void {
    this.#add(this.#settings.share);
  }

  /** Takes leave for one extra request, or answers false. */
  tryTake(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = Math.max(this.#filledAtMs, nowMs);
    this.#add((passedMs / 1000) * this.#settings.perSec);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#settings.burst, this.#tokens + tokens);
  }
}
