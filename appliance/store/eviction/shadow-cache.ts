import type { EvictionPolicy } from './eviction-policy.ts';

export type ShadowOutcome = 'hit' | 'stored' | 'refused';

/** A cache without content: what would be held, and so what would be hit, were a policy in force. */
export class ShadowCache<P extends EvictionPolicy = EvictionPolicy> {
  readonly policy: P;
  capacityBytes: number;
  readonly #slots = new Map<number, number>();
  readonly #entries: { hash: number; bytes: number }[] = [];
  #usedBytes = 0;

  constructor(policy: P, capacityBytes: number) {
    this.policy = policy;
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** One request for the whole of an object. */
  request(hash: number, bytes: number): ShadowOutcome {
    const slot = this.#slots.get(hash);
    if (slot !== undefined) {
      this.policy.use(slot, true);
      this.#resize(slot, bytes);
      return 'hit';
    }
    this.policy.miss(hash, bytes);
    if (bytes > this.capacityBytes) return 'refused';
    const isTight = this.#usedBytes + bytes > this.capacityBytes;
    const isAdmitted = !isTight || this.policy.admits(hash);
    if (isTight) this.policy.offered(hash);
    if (!isAdmitted) return 'refused';
    this.#makeRoom(bytes);
    const taken = this.policy.add(hash, bytes);
    this.#slots.set(hash, taken);
    this.#entries[taken] = { hash, bytes };
    this.#usedBytes += bytes;
    return 'stored';
  }

  keepOnly(isKept: (hash: number) => boolean): void {
    for (const [hash, slot] of this.#slots) if (!isKept(hash)) this.#drop(slot);
  }

  #resize(slot: number, bytes: number): void {
    const entry = this.#entries[slot];
    if (entry === undefined || entry.bytes === bytes) return;
    this.policy.resize(slot, bytes);
    this.#usedBytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.#makeRoom(0);
  }

  #makeRoom(bytes: number): void {
    let overBytes = this.#usedBytes + bytes - this.capacityBytes;
    if (overBytes <= 0) return;
    const leaving: number[] = [];
    for (const slot of this.policy.victims()) {
      leaving.push(slot);
      overBytes -= this.#entries[slot]?.bytes ?? 0;
      if (overBytes <= 0) break;
    }
    for (const slot of leaving) this.#drop(slot);
  }

  #drop(slot: number): void {
    const entry = this.#entries[slot];
    if (entry === undefined) return;
    this.policy.remove(slot);
    this.#slots.delete(entry.hash);
    this.#usedBytes -= entry.bytes;
  }
}
