/**
 * Small numbers for appliances, so that what is known of thousands of them fits into typed arrays. A number stays with
 * its appliance until it is given back, and is then used again: the arrays grow with the fleet, not with its history.
 */
export class ApplianceSlots {
  readonly #slotById = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  /** One more than the highest number ever given. */
  get end(): number {
    return this.#next;
  }

  /** The appliance's number, given now if it has none. */
  take(applianceId: string): number {
    const known = this.#slotById.get(applianceId);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#next++;
    this.#slotById.set(applianceId, slot);
    return slot;
  }

  find(applianceId: string): number | undefined {
    return this.#slotById.get(applianceId);
  }

  giveBack(applianceId: string): void {
    const slot = this.#slotById.get(applianceId);
    if (slot === undefined) return;
    this.#slotById.delete(applianceId);
    this.#free.push(slot);
  }
}
