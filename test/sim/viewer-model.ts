import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../../steering/ranking/candidate.ts';
import type { Neighbourhood, TownTitle } from './town.ts';

/** How long a player leaves a pathway alone that failed it (hls.js and Shaka do about so). */
const PENALTY_MS = 30_000;
const SEGMENT_MS = 4000;

export const isOrigin = (id: string): boolean => id === ORIGIN_ID || id === ORIGIN_RETRY_ID;

export interface ViewerFacts {
  readonly id: string;
  readonly address: string;
  readonly neighbourhood: Neighbourhood;
  readonly title: TownTitle;
  /** Of its title's highest bitrate; not everybody takes that. */
  readonly bitsPerSec: number;
  readonly endsMs: number;
  readonly format: 'hls' | 'dash';
}

/**
 * A player: it knows the pathways of its manifest, follows the order that it was given last, and leaves by itself what
 * gives it nothing.
 */
export class ViewerModel {
  readonly facts: ViewerFacts;
  readonly declared: readonly string[];
  readonly #penalties = new Map<string, number>();
  reloadTarget: string;
  order: readonly string[];
  current: string;
  nextAskMs: number;
  #nextSegmentMs: number;
  /** Of what it measured last. */
  throughputBitsPerSec = 0;

  constructor(facts: ViewerFacts, manifest: { declared: readonly string[]; reloadTarget: string }, nowMs: number) {
    this.facts = facts;
    this.declared = manifest.declared;
    this.order = manifest.declared;
    this.current = manifest.declared[0] ?? ORIGIN_ID;
    this.reloadTarget = manifest.reloadTarget;
    // Players ask for their order as soon as they have the manifest.
    this.nextAskMs = nowMs + 500;
    this.#nextSegmentMs = nowMs + SEGMENT_MS;
  }

  /** Where it would play by an order, at this time. */
  choose(order: readonly string[], nowMs: number): string {
    const known = order.filter((id) => this.declared.includes(id));
    const free = known.find((id) => (this.#penalties.get(id) ?? 0) <= nowMs);
    return free ?? known[0] ?? this.current;
  }

  follow(order: readonly string[], nowMs: number): void {
    this.order = order;
    this.current = this.choose(order, nowMs);
  }

  /** The next segment is due: one that does not come sends it elsewhere. @returns whether it left by itself */
  play(nowMs: number, answers: (id: string) => boolean): boolean {
    if (nowMs < this.#nextSegmentMs) return false;
    this.#nextSegmentMs = nowMs + SEGMENT_MS;
    if (answers(this.current)) return false;
    this.#penalties.set(this.current, nowMs + PENALTY_MS);
    const next = this.choose([...this.order, ...this.declared], nowMs);
    if (next === this.current) return false;
    this.current = next;
    this.#nextSegmentMs = nowMs + SEGMENT_MS / 4;
    return true;
  }
}
