import type { EvictionPolicy, PolicyInsight } from './eviction-policy.ts';
import { ReuseRate } from './reuse-rate.ts';
import { ShadowContest } from './shadow-contest.ts';

/**
 * Eviction by the rate of reuse, that stores on the second request only, or falls back to LRU, when a shadow which does so
 * does better (ShadowContest).
 * The entries stay where they are: only the order in which they leave changes.
 */
export class GuardedReuseRate implements EvictionPolicy {
  readonly #contest = new ShadowContest();
  readonly #own = new ReuseRate(this.#contest.setting);

  get insight(): PolicyInsight {
    return { ...this.#own.insight, shadow: this.#contest.hitRatios };
  }

  miss(hash: number, bytes: number): void {
    this.#own.miss(hash);
    this.#observe(hash, bytes);
  }

  add(hash: number, bytes: number, leavesNext = false): number {
    return this.#own.add(hash, bytes, leavesNext);
  }

  use(slot: number, isCounted: boolean): void {
    this.#own.use(slot, isCounted);
    if (isCounted) this.#observe(this.#own.hashOf(slot), this.#own.bytesOf(slot));
  }

  resize(slot: number, bytes: number): void {
    this.#own.resize(slot, bytes);
  }

  remove(slot: number): void {
    this.#own.remove(slot);
  }

  admits(hash: number): boolean {
    return this.#own.admits(hash);
  }

  offered(hash: number): void {
    this.#own.offered(hash);
  }

  victims(): Iterable<number> {
    this.#contest.tighten(this.#own.bytes);
    return this.#own.victims();
  }

  #observe(hash: number, bytes: number): void {
    if (this.#contest.request(hash, bytes)) this.#own.setting = this.#contest.setting;
  }
}
