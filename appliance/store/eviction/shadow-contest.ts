import type { EvictionPolicy } from './eviction-policy.ts';
import { Lru } from './lru.ts';
import { ReuseRate, type ReuseRateSetting } from './reuse-rate.ts';
import { ShadowCache } from './shadow-cache.ts';
import { scrambled } from './structures/hash-of-key.ts';

/**
 * Which setting does best with what viewers ask for here and now.
 *
 * Problem: what was learned may mislead, and then LRU is better. And storing on the second request only saves most of the
 * disk writes: where a catalogue is shared by thousands it costs nothing, where the same few people come back within
 * minutes it loses ten points.
 *
 * Idea: every candidate runs as a cache without content on a sample of the keys, at the same fraction of the capacity
 * (Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", ATC 2017), and all see the same
 * requests. LRU is always one of them. The one in force gives way when another one leads by more than chance explains:
 * the two are compared request by request, so what both hit or miss is no noise, and in batches, because the segments of
 * one title are hit or missed together and would look like as many witnesses. Old evidence fades, so a rule that lost
 * comes back.
 *
 * Disk writes have a price too: a byte written counts against a candidate as WRITE_PRICE bytes missed. So the second-hit
 * candidate, which writes a fifth, wins where it loses next to nothing.
 *
 * Limits: a change of what viewers do is seen after some thousand sampled requests, not at once. Costs one request to
 * each candidate per sampled request: all while the volume has few objects, one in 2^n where it has many.
 */
const MAX_SHADOW_ENTRIES = 4096;
const HORIZON_PER_ENTRY = 8;
const MIN_HORIZON = 2000;
const MIN_BATCH = 64;
/** Of the entries that the shadow of the rule in force has. */
const BATCH_SHARE = 0.25;
/** Of the bytes asked for. Below it a lead is not worth a change. */
const MIN_LEAD = 0.002;
/** In standard deviations. */
const MIN_CERTAINTY = 2.5;
const WRITE_PRICE = 0.005;

/** Of the history of a shadow: four for each entry it can have, and the same number where it has few. */
const SHADOW_HISTORY_PLACES = 2 ** 15;

const BY_REUSE: ReuseRateSetting = { isLru: false, needsSecondHit: false };
const LRU: ReuseRateSetting = { isLru: true, needsSecondHit: false };
const ON_SECOND_HIT: ReuseRateSetting = { isLru: false, needsSecondHit: true };

interface Contestant {
  readonly setting: ReuseRateSetting;
  readonly shadow: ShadowCache;
  hitBytes: number;
  /** Of the request in hand. */
  gain: number;
  /** Against the one in force: the gain in this batch, in all, and the sum of squares over the batches. */
  batchLead: number;
  lead: number;
  spread: number;
}

export class ShadowContest {
  readonly #contestants: readonly Contestant[];
  readonly #lru: Contestant;
  #inForce: Contestant;
  #requestedBytes = 0;
  #batchRequests = 0;
  #sampleMask = 0;
  #isTight = false;

  /** Begins by the rate of reuse: while little is known it decides about as LRU does. */
  constructor() {
    const of = (setting: ReuseRateSetting, policy: EvictionPolicy): Contestant => ({
      setting,
      shadow: new ShadowCache(policy, Number.POSITIVE_INFINITY),
      hitBytes: 0,
      gain: 0,
      batchLead: 0,
      lead: 0,
      spread: 0,
    });
    this.#lru = of(LRU, new Lru());
    this.#inForce = of(BY_REUSE, new ReuseRate(BY_REUSE, SHADOW_HISTORY_PLACES));
    this.#contestants = [
      this.#inForce,
      of(ON_SECOND_HIT, new ReuseRate(ON_SECOND_HIT, SHADOW_HISTORY_PLACES)),
      this.#lru,
    ];
  }

  get setting(): ReuseRateSetting {
    return this.#inForce.setting;
  }

  /** Shares of the bytes asked for lately; undefined while nothing had to leave yet. */
  get hitRatios(): { ownHitRatio: number; lruHitRatio: number } | undefined {
    if (this.#requestedBytes === 0) return undefined;
    return {
      ownHitRatio: this.#inForce.hitBytes / this.#requestedBytes,
      lruHitRatio: this.#lru.hitBytes / this.#requestedBytes,
    };
  }

  /** The real cache has so many bytes, and somebody has to leave. */
  tighten(ownBytes: number): void {
    this.#isTight = true;
    for (const { shadow } of this.#contestants) shadow.capacityBytes = ownBytes / (this.#sampleMask + 1);
  }

  /** @returns whether another setting is in force from now on */
  request(hash: number, bytes: number): boolean {
    if (!this.#isSampled(hash)) return false;
    for (const contestant of this.#contestants) this.#ask(contestant, hash, bytes);
    if (this.#contestants.some(({ shadow }) => shadow.size > MAX_SHADOW_ENTRIES)) this.#sampleLess();
    if (!this.#isTight) return false;
    this.#count(bytes);
    return this.#batchRequests >= Math.max(MIN_BATCH, BATCH_SHARE * this.#inForce.shadow.size) && this.#endBatch();
  }

  #ask(contestant: Contestant, hash: number, bytes: number): void {
    const outcome = contestant.shadow.request(hash, bytes);
    contestant.gain = outcome === 'hit' ? bytes : outcome === 'stored' ? -WRITE_PRICE * bytes : 0;
  }

  #count(bytes: number): void {
    const keep = this.#keptShare(1);
    this.#batchRequests += 1;
    this.#requestedBytes = this.#requestedBytes * keep + bytes;
    for (const contestant of this.#contestants) {
      contestant.hitBytes = contestant.hitBytes * keep + Math.max(0, contestant.gain);
      contestant.batchLead += contestant.gain - this.#inForce.gain;
    }
  }

  /** What of the evidence is left after so many requests. */
  #keptShare(requests: number): number {
    return (1 - 1 / Math.max(MIN_HORIZON, HORIZON_PER_ENTRY * this.#inForce.shadow.size)) ** requests;
  }

  #endBatch(): boolean {
    const keep = this.#keptShare(this.#batchRequests);
    this.#batchRequests = 0;
    for (const contestant of this.#contestants) {
      contestant.lead = contestant.lead * keep + contestant.batchLead;
      contestant.spread = contestant.spread * keep + contestant.batchLead ** 2;
      contestant.batchLead = 0;
    }
    return this.#decide();
  }

  #decide(): boolean {
    let best = this.#inForce;
    for (const contestant of this.#contestants) {
      const { lead, spread } = contestant;
      const isCertain = lead > MIN_CERTAINTY * Math.sqrt(spread) && lead > MIN_LEAD * this.#requestedBytes;
      if (isCertain && lead > best.lead) best = contestant;
    }
    if (best === this.#inForce) return false;
    this.#inForce = best;
    // Leads are against the one in force: they begin anew.
    for (const contestant of this.#contestants) {
      contestant.lead = 0;
      contestant.spread = 0;
    }
    return true;
  }

  #sampleLess(): void {
    this.#sampleMask = this.#sampleMask * 2 + 1;
    for (const { shadow } of this.#contestants) {
      shadow.capacityBytes /= 2;
      shadow.keepOnly((hash) => this.#isSampled(hash));
    }
  }

  #isSampled(hash: number): boolean {
    // Scrambled again: the sketches take the same bits.
    return (scrambled(~hash) & this.#sampleMask) === 0;
  }
}
