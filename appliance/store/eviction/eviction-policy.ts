/**
 * Which entries of a volume shall leave first, and which newcomers are worth a place.
 *
 * An entry is what the store can evict, an object with at least one held block, and is known here by a slot: a small
 * number that is free for somebody else once the entry was removed. Policies count bytes, not entries. They propose,
 * the volume disposes: it skips what somebody holds, so a proposal is no promise.
 *
 * Asking for an object counts once per its bytes: a film that is watched in a thousand ranges was asked for once. Who
 * calls knows the bytes, so he says when an object has been asked for (`use` with isCounted, `miss`).
 */
export interface EvictionPolicy {
  /** Somebody asked for an object that has no entry. @param hash of its key @param bytes what it would take, about */
  miss(hash: number, bytes: number): void;
  /** A newcomer, or with `leavesNext` one that is to be the next to leave. Counts as no request. @returns its slot */
  add(hash: number, bytes: number, leavesNext?: boolean): number;
  /** @param isCounted whether it was asked for; else somebody touched it, which keeps it from being old */
  use(slot: number, isCounted: boolean): void;
  /** Its held blocks take so many bytes now, at least one. */
  resize(slot: number, bytes: number): void;
  /** It has left, whoever decided that. */
  remove(slot: number): void;
  /** Whether something new is worth that somebody else leaves for it. @param hash of what would be written */
  admits(hash: number): boolean;
  /** It came, whether it was admitted or not: the next time the answer may be another one. */
  offered(hash: number): void;
  /** Slots in the order in which they should leave, each once. No entry comes or goes while this is read. */
  victims(): Iterable<number>;
  /** What is in force and how it does, for the operator. */
  readonly insight: PolicyInsight;
}

export interface PolicyInsight {
  /** The rule that decides now: a guard may have fallen back to another one than was configured. */
  readonly activeRule: PolicyName;
  /** Whether newcomers are stored only when they are asked for again. */
  readonly needsSecondHit: boolean;
  /** Shares of the bytes asked for lately that shadows of the active rule and of LRU had; undefined without shadows. */
  readonly shadow: { readonly ownHitRatio: number; readonly lruHitRatio: number } | undefined;
}

export const policyNames = ['reuse-rate', 'w-tinylfu', 'lru', 'sieve', 's3-fifo'] as const;
export type PolicyName = (typeof policyNames)[number];

export const insightOf = (activeRule: PolicyName): PolicyInsight => ({
  activeRule,
  needsSecondHit: false,
  shadow: undefined,
});
