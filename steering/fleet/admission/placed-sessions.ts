import { unitHash } from '../../../src/hashing/weighted-rendezvous.ts';

/**
 * Sessions that were given an appliance and that its heartbeat cannot show yet.
 *
 * A heartbeat tells what an appliance carried some seconds ago. When a match begins, thousands of sessions start within
 * one interval, all see the same idle box in the same heartbeat, and all go there. So every session that is placed is
 * counted at once with what its title needs by its nominal bitrate. Present traffic would let in too many: in a quiet
 * scene all viewers of a stream take little (Netflix Technology Blog on VBR for live events, which therefore reserves by
 * the nominal bitrate too). Less a discount: not every viewer takes the highest rendition, and peaks do not coincide.
 *
 * How long does it count? What an appliance reports is a mean over the last five seconds, so a session that was placed
 * two seconds before a heartbeat is in it with two fifths. It goes on counting with the other three, and the sum of
 * what is reported and what is pending says the same before and after each heartbeat. That needs the sum of what was
 * placed in each of the last seconds, per appliance. An appliance that is silent is treated as if it had reported.
 *
 * Every player asks again each TTL, and is in the reported load already. So which session is where is remembered, in a
 * table of fixed size in which a newer session takes the place of an older one: a session that was forgotten is counted
 * once too often for five seconds, and that is all. A session that moves is taken from where it was. A restarted
 * steering has forgotten everything, and five seconds later knows as much as before.
 */
export interface PlacedSessionsOptions {
  /** After so long without a heartbeat an appliance is treated as if it had sent one. */
  readonly silentAfterMs: number;
  /** How many sessions are remembered; a power of two. */
  readonly remembered?: number;
}

/** Half a million sessions are 7 MB. */
const REMEMBERED = 2 ** 19;
const FIRST_SLOTS = 64;
/** Over what appliances report their load as a mean. */
const LOAD_WINDOW_MS = 5000;
/** One bucket per second; a few more than the window has, so that none is used again while it counts. */
const BUCKETS = 8;

/** All times are monotonic ms. */
export class PlacedSessions {
  readonly #silentAfterMs: number;
  readonly #mask: number;
  /** Of each remembered session: what tells it from others of its place in the table, 1 + its slot, since when, what. */
  readonly #fingerprints: Uint32Array;
  readonly #slots: Uint16Array;
  readonly #seconds: Uint32Array;
  readonly #bits: Float32Array;
  /** By slot and second, BUCKETS of each slot. */
  #buckets = new Float64Array(FIRST_SLOTS * BUCKETS);
  #bucketSeconds = new Float64Array(FIRST_SLOTS * BUCKETS);
  /** By slot: when the last heartbeat came. */
  #measuredMs = new Float64Array(FIRST_SLOTS);
  #pending = new Float64Array(FIRST_SLOTS);

  constructor({ silentAfterMs, remembered = REMEMBERED }: PlacedSessionsOptions) {
    this.#silentAfterMs = silentAfterMs;
    this.#mask = remembered - 1;
    this.#fingerprints = new Uint32Array(remembered);
    this.#slots = new Uint16Array(remembered);
    this.#seconds = new Uint32Array(remembered);
    this.#bits = new Float32Array(remembered);
  }

  /** By slot: bits per second that are placed and not measured yet. It moves with every session. */
  get pendingBitsPerSec(): Float64Array {
    return this.#pending;
  }

  /**
   * A session was sent to an appliance.
   * @param bitsPerSec what it will take; 0 for one that plays there already, so that its load is measured
   */
  place(sessionId: string, slot: number, bitsPerSec: number, nowMs: number): void {
    this.reserve(slot + 1);
    const hash = unitHash(sessionId);
    const at = Math.floor(hash * 2 ** 53) & this.#mask;
    const fingerprint = Math.floor(hash * 2 ** 32);
    const isRemembered = this.#slots[at] !== 0 && this.#fingerprints[at] === fingerprint;
    const before = isRemembered ? (this.#slots[at] ?? 1) - 1 : undefined;
    if (before === slot) return;
    if (before !== undefined) this.#takeBack(before, at);
    const second = Math.floor(nowMs / 1000);
    this.#fingerprints[at] = fingerprint;
    this.#slots[at] = slot + 1;
    this.#seconds[at] = second;
    this.#bits[at] = bitsPerSec;
    // As it is remembered, so that what is taken back is what was added.
    const bits = this.#bits[at] ?? 0;
    const bucket = slot * BUCKETS + (second % BUCKETS);
    if (this.#bucketSeconds[bucket] !== second) {
      this.#bucketSeconds[bucket] = second;
      this.#buckets[bucket] = 0;
    }
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + bits;
    this.#pending[slot] = (this.#pending[slot] ?? 0) + bits;
  }

  /** A heartbeat of the appliance has come, with the load of the last seconds in it. */
  measured(slot: number, nowMs: number): void {
    this.reserve(slot + 1);
    this.#measuredMs[slot] = nowMs;
    this.#addUp(slot);
  }

  /** Of appliances that have not been heard for a while: what was placed there counts no longer than elsewhere. */
  passOverSilent(nowMs: number): void {
    for (let slot = 0; slot < this.#pending.length; slot += 1)
      if ((this.#pending[slot] ?? 0) > 0 && nowMs - (this.#measuredMs[slot] ?? 0) >= this.#silentAfterMs)
        this.measured(slot, nowMs);
  }

  /** The slot will be another appliance's. */
  forget(slot: number): void {
    this.reserve(slot + 1);
    this.#buckets.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
    this.#pending[slot] = 0;
  }

  /** Makes room for so many slots; the array of what is pending may be another one after it. */
  reserve(slots: number): void {
    let length = this.#pending.length;
    if (slots <= length) return;
    while (length < slots) length *= 2;
    this.#buckets = grown(this.#buckets, length * BUCKETS);
    this.#bucketSeconds = grown(this.#bucketSeconds, length * BUCKETS);
    this.#measuredMs = grown(this.#measuredMs, length);
    this.#pending = grown(this.#pending, length);
  }

  #takeBack(slot: number, at: number): void {
    const second = this.#seconds[at] ?? 0;
    const bucket = slot * BUCKETS + (second % BUCKETS);
    if (this.#bucketSeconds[bucket] !== second) return;
    this.#buckets[bucket] = Math.max(0, (this.#buckets[bucket] ?? 0) - (this.#bits[at] ?? 0));
    this.#addUp(slot);
  }

  /** What the load as it was last measured does not show. */
  #addUp(slot: number): void {
    const measuredMs = this.#measuredMs[slot] ?? 0;
    let pending = 0;
    for (let bucket = slot * BUCKETS; bucket < (slot + 1) * BUCKETS; bucket += 1) {
      const bits = this.#buckets[bucket] ?? 0;
      // A session of a second counts as placed in the middle of it.
      const agoMs = measuredMs - ((this.#bucketSeconds[bucket] ?? 0) * 1000 + 500);
      if (bits > 0) pending += bits * Math.min(1, Math.max(0, 1 - agoMs / LOAD_WINDOW_MS));
    }
    this.#pending[slot] = pending;
  }
}

function grown(from: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
