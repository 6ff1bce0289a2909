/**
 * One deadline for each connection of a thread, of ten thousands of connections. Pure: time is told.
 *
 * A timer object per connection and request costs more than the request's head. But a connection has one deadline at a
 * time (for its head, its next request, the client's next bytes, the owner's answer), nearly all of them are put off
 * before they come, and a quarter of a second more or less does not matter. So a deadline is a number in an array, and
 * putting it off is one store. Where the wheel turns past a connection's place it looks at the number: what is due is
 * told, what was put off goes to a later place. A connection is therefore moved once per deadline, not once per request.
 *
 * Limits: a deadline is told up to one tick late, never early. One that is farther away than the wheel is round is looked
 * at once per round.
 */
const TICK_MS = 250;
const PLACES = 256;
const FIRST_ROOM = 256;
const NONE = -1;

export class TimerWheel {
  /** By connection; Infinity for none. */
  #deadlineMs = new Float64Array(0);
  /** Its neighbours in the same place of the wheel. */
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  /** Whether it stands in the wheel, and where. */
  #place = new Int32Array(0);
  readonly #heads = new Int32Array(PLACES).fill(NONE);
  #standing = 0;
  /** The tick that was looked at last. */
  #tick: number;

  constructor(nowMs: number) {
    this.#tick = tickOf(nowMs);
  }

  /** Room for connections 0 to `needed` - 1, and for twice as many, since it is asked for one by one. */
  reserve(needed: number): void {
    const before = this.#deadlineMs.length;
    if (needed <= before) return;
    const count = Math.max(FIRST_ROOM, 2 * needed);
    const deadlineMs = new Float64Array(count).fill(Infinity, before);
    deadlineMs.set(this.#deadlineMs);
    this.#deadlineMs = deadlineMs;
    this.#next = grown(this.#next, count);
    this.#previous = grown(this.#previous, count);
    this.#place = grown(this.#place, count);
  }

  /** Sets the one deadline of a connection, later or earlier than before. */
  set(index: number, deadlineMs: number): void {
    this.#deadlineMs[index] = deadlineMs;
    const tick = tickAfter(deadlineMs);
    const place = this.#place[index] ?? NONE;
    if (place !== NONE) {
      if (this.#tickOfPlace(place) <= tick) return;
      this.#takeOut(index, place);
    }
    this.#put(index, tick);
  }

  /** There is no deadline any more. */
  clear(index: number): void {
    this.#deadlineMs[index] = Infinity;
  }

  /** Tells of all deadlines that have passed; each is cleared before. New ones may be set meanwhile. */
  turn(nowMs: number, onDue: (index: number) => void): void {
    const until = tickOf(nowMs);
    // A thread that did not run for a while: one round looks at every place.
    if (until - this.#tick > PLACES) this.#tick = until - PLACES;
    while (this.#tick < until) {
      this.#tick += 1;
      const place = this.#tick % PLACES;
      // One after the other from the head: who is told may put off, or clear, any other.
      for (let index = this.#headOf(place); index !== NONE; index = this.#headOf(place)) {
        this.#takeOut(index, place);
        const deadlineMs = this.#deadlineMs[index] ?? Infinity;
        if (deadlineMs <= nowMs) {
          this.#deadlineMs[index] = Infinity;
          onDue(index);
        } else if (deadlineMs !== Infinity) this.#put(index, tickAfter(deadlineMs));
      }
    }
  }

  /** How long one may sleep; -1 when there is nothing to wait for. */
  restMs(nowMs: number): number {
    if (this.#standing === 0) return -1;
    return Math.max(0, Math.ceil((this.#tick + 1) * TICK_MS - nowMs));
  }

  /** Not before the next tick, and less far away than the wheel is round. */
  #put(index: number, wishedTick: number): void {
    const tick = Math.min(Math.max(wishedTick, this.#tick + 1), this.#tick + PLACES - 1);
    const place = tick % PLACES;
    const next = this.#headOf(place);
    this.#next[index] = next;
    this.#previous[index] = NONE;
    if (next !== NONE) this.#previous[next] = index;
    this.#heads[place] = index;
    this.#place[index] = place;
    this.#standing += 1;
  }

  #takeOut(index: number, place: number): void {
    const next = this.#next[index] ?? NONE;
    const previous = this.#previous[index] ?? NONE;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous === NONE) this.#heads[place] = next;
    else this.#next[previous] = next;
    this.#place[index] = NONE;
    this.#standing -= 1;
  }

  #headOf(place: number): number {
    return this.#heads[place] ?? NONE;
  }

  #tickOfPlace(place: number): number {
    return this.#tick + ((place - (this.#tick % PLACES) + PLACES) % PLACES);
  }
}

function grown(before: Int32Array, count: number): Int32Array<ArrayBuffer> {
  const after = new Int32Array(count).fill(NONE, before.length);
  after.set(before);
  return after;
}

const tickOf = (ms: number): number => Math.floor(ms / TICK_MS);
const tickAfter = (ms: number): number => Math.ceil(ms / TICK_MS);
