import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Urgency } from '../../../../appliance/store/object-store.ts';
import { DiskLane, type DiskLaneLimits } from '../../../../appliance/store/volume/disk-lane.ts';
import { isOperational } from '../../../../src/errors/operational-error.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const ORDER: readonly Urgency[] = ['viewer', 'demand', 'planned', 'scrub'];
const queue = { maxWaiting: 6, maxWaitingBytes: 50, waitMs: 400 };
const limits: DiskLaneLimits = {
  width: 4,
  demandWidth: 2,
  bulkWidth: 2,
  operationMs: 300,
  queues: { viewer: { ...queue, waitMs: 200 }, demand: queue, planned: queue, scrub: { ...queue, maxWaiting: 2 } },
};

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ urgency: fc.constantFrom(...ORDER), bytes: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 4, arbitrary: fc.record({ ends: fc.nat(10), fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 350 }) }) },
);

/** A lane that is driven at random, and checked at every operation that it begins. */
class Driven {
  readonly #clock = new FakeWorld().clock;
  readonly #lane = new DiskLane(this.#clock, limits);
  readonly #inHand: { readonly urgency: Urgency; readonly end: (fails: boolean) => void }[] = [];
  readonly settled = { asked: 0, done: 0, failed: 0, refused: 0, abandoned: 0 };
  readonly violations: string[] = [];
  #readsInARow = 0;

  ask(urgency: Urgency, bytes: number): void {
    this.settled.asked += 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (fails: boolean): void => (fails ? reject(new Error('failed')) : resolve());
    const begin = (): Promise<void> => {
      this.#inHand.push({ urgency, end });
      this.#check(urgency);
      return promise;
    };
    this.#lane.run({ urgency, what: 'test', bytes }, begin).then(
      () => (this.settled.done += 1),
      (error: unknown) => {
        if (isOperational(error, 'OVERLOADED')) this.settled.refused += 1;
        else if (isOperational(error, 'VOLUME_IO')) this.settled.abandoned += 1;
        else this.settled.failed += 1;
      },
    );
    expect(this.#lane.waiting(urgency)).toBeLessThanOrEqual(limits.queues[urgency].maxWaiting);
  }

  async end(choice: number, fails: boolean): Promise<void> {
    const [one] = this.#inHand.splice(choice % Math.max(1, this.#inHand.length), 1);
    one?.end(fails);
    await this.pass(0);
  }

  pass(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  async endAll(): Promise<void> {
    while (this.#inHand.length > 0) await this.end(0, false);
    expect(this.#clock.timerCount).toBe(0);
    for (const urgency of ORDER) expect([this.#lane.waiting(urgency), this.#lane.running(urgency)]).toEqual([0, 0]);
  }

  /** Inside an operation nothing may throw: it would count as the disk's failure. */
  #check(urgency: Urgency): void {
    const running = (one: Urgency): number => this.#inHand.filter((other) => other.urgency === one).length;
    const must = (isRight: boolean, what: string): void => void (isRight || this.violations.push(what));
    const bulk = running('planned') + running('scrub');
    must(this.#inHand.length <= limits.width, 'more than the width');
    must(running('demand') <= limits.demandWidth, 'too many demand writes');
    must(running('scrub') <= 1, 'two scrub reads');
    const isBulk = urgency === 'planned' || urgency === 'scrub';
    must(!isBulk || bulk <= (running('viewer') > 0 ? 1 : limits.bulkWidth), 'too much bulk work');
    const before = ORDER.slice(0, ORDER.indexOf(urgency)).filter((other) => this.#lane.waiting(other) > 0);
    const isTurnOfWrite = urgency === 'demand' && before.every((other) => other === 'viewer');
    must(before.length === 0 || isTurnOfWrite, `${urgency} before ${before.join()}`);
    const demandCould = this.#lane.waiting('demand') > 0 && running('demand') < limits.demandWidth;
    this.#readsInARow = urgency === 'viewer' && demandCould ? this.#readsInARow + 1 : 0;
    must(this.#readsInARow <= 4, 'a starved demand write');
  }
}

describe('a disk lane, whatever is asked of it', () => {
  it('keeps the order and the bounds, starves no demand write, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        const driven = new Driven();
        for (const one of steps) {
          if ('urgency' in one) driven.ask(one.urgency, one.bytes);
          else if ('ends' in one) await driven.end(one.ends, one.fails);
          else await driven.pass(one.passMs);
        }
        await driven.endAll();
        const { asked, done, failed, refused, abandoned } = driven.settled;
        expect(done + failed + refused + abandoned).toBe(asked);
        expect(driven.violations).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
