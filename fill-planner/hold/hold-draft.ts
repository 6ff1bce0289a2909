import { HELD } from './held.ts';
import type { HoldColumns } from './hold-columns.ts';
import { HOLD_VERDICTS, type HoldVerdict } from './hold-words.ts';

export interface DraftLimits {
  readonly maxItemBytes: number;
  /** Spent before, from the budgets of the same day. */
  readonly fetchedLatelyBytes: number;
  /** Of a day, for everything but pins; Infinity where there is none. */
  readonly fillBudgetBytes: number;
  readonly writeBudgetBytes: number;
  /** Bytes that have to be served for each that is fetched; 0: no such rule. */
  readonly servedPerFilled: number;
}

/**
 * What has been taken so far, and what it has used up: space, the day's fetching, the day's writing. A title's manifests
 * are taken, paid and counted with the first of its renditions.
 */
export class HoldDraft {
  readonly columns: HoldColumns;
  /** By rendition, how much is taken: a value of `HELD`. */
  readonly part: Uint8Array;
  readonly verdicts: Uint8Array;
  readonly #heldNow: Uint8Array;
  readonly #limits: DraftLimits;
  readonly #hasManifests: Uint8Array;
  readonly #withoutRoom: number[] = [];
  /** By rendition, what the part that is taken is expected to serve within the day. */
  readonly served: Float64Array;
  usedBytes = 0;
  fillBytes = 0;
  pinnedFillBytes = 0;
  servedBytes = 0;

  constructor(columns: HoldColumns, heldNow: Uint8Array, limits: DraftLimits) {
    this.columns = columns;
    this.#heldNow = heldNow;
    this.#limits = limits;
    this.part = new Uint8Array(columns.count);
    this.served = new Float64Array(columns.count);
    this.verdicts = new Uint8Array(columns.count);
    this.#hasManifests = new Uint8Array(columns.titleCount);
  }

  /** Bytes of a part of a rendition. */
  bytesOf(index: number, part: number): number {
    if (part === HELD.nothing) return 0;
    return (part === HELD.whole ? this.columns.sizeBytes[index] : this.columns.headBytes[index]) ?? 0;
  }

  /** Bytes that have to be fetched to hold it. */
  missingBytes(index: number, part: number): number {
    const held = this.#heldNow[index] ?? 0;
    return held >= part ? 0 : this.bytesOf(index, part) - this.bytesOf(index, held);
  }

  hasManifestsOf(title: number): boolean {
    return this.#hasManifests[title] === 1;
  }

  /**
   * Why a part cannot be taken; undefined when it can.
   * @param servedBytes what it is expected to serve itself
   * @param limits spareShare is of what is served, and not to be spent on fetching yet
   */
  refusal(
    index: number,
    part: number,
    servedBytes: number,
    limits: { readonly roomBytes: number; readonly spareShare: number },
  ): HoldVerdict | undefined {
    const before = this.part[index] ?? 0;
    const manifests = this.#manifestsOf(index);
    const bytes = this.bytesOf(index, part) - this.bytesOf(index, before) + manifests.bytes;
    if (this.usedBytes + bytes > limits.roomBytes) return 'no-room';
    if (this.bytesOf(index, part) > this.#limits.maxItemBytes) return 'no-room';
    const missing = this.missingBytes(index, part) - this.missingBytes(index, before) + manifests.missing;
    if (missing === 0) return undefined;
    const fill = this.#limits.fetchedLatelyBytes + this.fillBytes - this.pinnedFillBytes + missing;
    const served = this.servedBytes - (this.served[index] ?? 0) + servedBytes;
    if (fill * this.#limits.servedPerFilled > served * (1 - limits.spareShare)) return 'more-than-is-watched';
    if (fill > this.#limits.fillBudgetBytes) return 'fill-budget';
    return fill + this.pinnedFillBytes > this.#limits.writeBudgetBytes ? 'wear' : undefined;
  }

  /** Takes a part, or more of what is taken already. */
  take(index: number, part: number, servedBytes: number, verdict: HoldVerdict): void {
    const before = this.part[index] ?? 0;
    this.#count(
      this.bytesOf(index, part) - this.bytesOf(index, before),
      this.missingBytes(index, part) - this.missingBytes(index, before),
      verdict,
    );
    this.servedBytes += servedBytes - (this.served[index] ?? 0);
    this.served[index] = servedBytes;
    this.takeManifestsOf(index, verdict);
    this.say(index, verdict);
    this.part[index] = part;
  }

  /** Takes the manifests of a rendition's title, or of a manifest's. */
  takeManifestsOf(index: number, verdict: HoldVerdict): void {
    const { bytes, missing } = this.#manifestsOf(index);
    this.#count(bytes, missing, verdict);
    this.#hasManifests[this.columns.title[index] ?? 0] = 1;
  }

  /** A manifest that is listed with its title. */
  markManifest(index: number): void {
    this.part[index] = HELD.whole;
    this.say(index, 'manifest');
  }

  /** Refuses the whole; its head may still be taken. */
  refuse(index: number, verdict: HoldVerdict): void {
    this.say(index, verdict);
    if (verdict === 'no-room') this.#withoutRoom.push(index);
  }

  /** What nothing is taken of for want of room, in the order in which it was refused. */
  leftOut(): Uint32Array {
    return Uint32Array.from(this.#withoutRoom.filter((index) => this.part[index] === HELD.nothing));
  }

  /** What is pinned stays pinned, whatever else holds. */
  say(index: number, verdict: HoldVerdict): void {
    if (this.verdictOf(index) !== 'pinned') this.verdicts[index] = HOLD_VERDICTS.indexOf(verdict);
  }

  verdictOf(index: number): HoldVerdict {
    return HOLD_VERDICTS[this.verdicts[index] ?? 0] ?? 'kept';
  }

  #count(bytes: number, missing: number, verdict: HoldVerdict): void {
    this.usedBytes += bytes;
    this.fillBytes += missing;
    if (verdict === 'pinned') this.pinnedFillBytes += missing;
  }

  #manifestsOf(index: number): { readonly bytes: number; readonly missing: number } {
    const { title, manifestStart, manifests } = this.columns;
    const number = title[index] ?? 0;
    let bytes = 0;
    let missing = 0;
    if (this.#hasManifests[number] === 1) return { bytes, missing };
    for (let at = manifestStart[number] ?? 0; at < (manifestStart[number + 1] ?? 0); at++) {
      const manifest = manifests[at] ?? 0;
      bytes += this.bytesOf(manifest, HELD.whole);
      missing += this.missingBytes(manifest, HELD.whole);
    }
    return { bytes, missing };
  }
}
