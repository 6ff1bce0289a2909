import { BoundedMap } from '../../../src/memory/bounded-map.ts';

/**
 * Who has fled. A player that was put first on one appliance and, within the time it was to stay, asks from another
 * one, has found the first one failing: players change pathway on their own for no other reason. It is the only report
 * that players without CMCD make.
 *
 * Two things look like it and are not. A player may not know how to use an appliance that its manifest did not declare,
 * so only appliances count that it declared or that it was seen to use. And a new order takes a moment to be followed,
 * so a player that was never seen on the new first place is only late, unless it was declared.
 *
 * Sessions are kept by keyed hash, at most as many as are given, the oldest making room.
 */
interface FirstPlace {
  atMs: number;
  first: string;
  usable: readonly string[];
}

const MAX_USABLE = 8;

export class FirstPlaces {
  readonly #staysMs: number;
  readonly #bySession: BoundedMap<number, FirstPlace>;

  /** @param staysMs how long after an answer a change of pathway counts: a little more than players keep it */
  constructor(maxSessions: number, staysMs: number) {
    this.#staysMs = staysMs;
    this.#bySession = new BoundedMap(maxSessions);
  }

  get size(): number {
    return this.#bySession.size;
  }

  /** A manifest declares these, and play begins at the first. */
  declared(session: number, ids: readonly string[], nowMs: number): void {
    const [first] = ids;
    if (first !== undefined) this.#bySession.set(session, { atMs: nowMs, first, usable: ids.slice(0, MAX_USABLE) });
  }

  /** An answer puts this one first. */
  put(session: number, first: string, nowMs: number): void {
    this.#bySession.set(session, { atMs: nowMs, first, usable: this.#bySession.get(session)?.usable ?? [] });
  }

  /** @param used the pathways that the session reports to use. @returns the appliance that it fled from */
  fledFrom(session: number, used: readonly string[], nowMs: number): string | undefined {
    const place = this.#bySession.get(session);
    if (place === undefined || used.length === 0) return undefined;
    const { first, usable } = place;
    const unknown = used.filter((id) => !usable.includes(id));
    if (unknown.length > 0) place.usable = [...unknown, ...usable].slice(0, MAX_USABLE);
    if (used.includes(first) || !usable.includes(first) || nowMs - place.atMs > this.#staysMs) return undefined;
    return first;
  }
}
