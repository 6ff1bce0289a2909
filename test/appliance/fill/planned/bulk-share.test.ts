import { describe, expect, it } from 'vitest';
import { BulkShare } from '../../../../appliance/fill/planned/bulk-share.ts';
import { seededRandom } from '../../../support/fake-world.ts';

const STEP_MS = 100;

/** A tenth of a second at a time: viewers whose reads take `latencyMs` or so, then a decision. */
class Viewers {
  readonly bulk = new BulkShare(0);
  readonly #random = seededRandom(7);
  nowMs = 0;
  readonly causes: (string | undefined)[] = [];

  watch(forMs: number, latencyMs: number, options: { perSec?: number; egress?: number; place?: string } = {}): void {
    const { perSec = 50, egress = 0.1, place = '/disk1' } = options;
    for (let passedMs = 0; passedMs < forMs; passedMs += STEP_MS) {
      this.nowMs += STEP_MS;
      for (let read = 0; read < (perSec * STEP_MS) / 1000; read += 1) {
        this.bulk.observe('disk', place, latencyMs * (0.7 + 0.6 * this.#random.next()));
      }
      this.causes.push(this.bulk.decide(this.nowMs, egress));
    }
  }
}

describe('the share of bulk work', () => {
  it('is whole while viewers wait as long as usual, on an SSD and on a slow disk', () => {
    for (const usualMs of [0.3, 12, 60]) {
      const viewers = new Viewers();
      viewers.watch(120_000, usualMs);
      expect(viewers.bulk.share).toBe(1);
      expect(viewers.causes.every((cause) => cause === undefined)).toBe(true);
    }
  });

  it.each([
    [2, 20],
    [12, 40],
    [60, 200],
  ])('is nothing within a second after reads of %i ms take %i ms', (usualMs, slowMs) => {
    const viewers = new Viewers();
    viewers.watch(60_000, usualMs);
    viewers.watch(1000, slowMs);
    expect(viewers.bulk.share).toBe(0);
    expect(viewers.bulk.cause).toBe('disk');
  });

  it('does not mind latencies that rise by less than half, nor milliseconds that nobody feels', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 20);
    viewers.watch(60_000, 26);
    expect(viewers.bulk.share).toBe(1);
    const quick = new Viewers();
    quick.watch(60_000, 0.2);
    quick.watch(60_000, 3);
    expect(quick.bulk.share).toBe(1);
  });

  it('does not mind one slow read among few', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 10, { perSec: 10 });
    viewers.bulk.observe('disk', '/disk1', 900);
    viewers.watch(5000, 10, { perSec: 10 });
    expect(viewers.bulk.share).toBe(1);
  });

  it('comes back slowly once it has been calm, and whole in the end', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 10);
    viewers.watch(2000, 80);
    viewers.watch(3000, 10);
    expect(viewers.bulk.share).toBe(0);
    viewers.watch(4000, 10);
    expect(viewers.bulk.share).toBeGreaterThan(0.05);
    expect(viewers.bulk.share).toBeLessThan(0.5);
    viewers.watch(15_000, 10);
    expect(viewers.bulk.share).toBe(1);
    expect(viewers.bulk.cause).toBeUndefined();
  });

  it('learns what is usual anew when the viewers are many and it is not to blame', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 10);
    viewers.watch(1000, 50);
    expect(viewers.bulk.share).toBe(0);
    viewers.watch(180_000, 50);
    expect(viewers.bulk.share).toBe(1);
  });

  it('is held at nothing while it does harm each time that it returns', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 10);
    let harmedMs = 0;
    for (let passedMs = 0; passedMs < 300_000; passedMs += STEP_MS) {
      // A disk that cannot bear more than a fifth of the rate.
      const isHarmed = viewers.bulk.share > 0.2;
      if (isHarmed) harmedMs += STEP_MS;
      viewers.watch(STEP_MS, isHarmed ? 60 : 10);
    }
    expect(harmedMs / 300_000).toBeLessThan(0.1);
  });

  it('yields to egress above its soft limit, and says so', () => {
    const viewers = new Viewers();
    viewers.watch(10_000, 5);
    viewers.watch(600, 5, { egress: 1.1 });
    expect(viewers.bulk.share).toBe(0);
    expect(viewers.bulk.cause).toBe('egress');
    viewers.watch(60_000, 5, { egress: 0.97 });
    expect(viewers.bulk.share).toBe(0);
    viewers.watch(15_000, 5, { egress: 0.9 });
    expect(viewers.bulk.share).toBe(1);
  });

  it('knows each disk by itself: a slow one beside a quick one is no rise', () => {
    const viewers = new Viewers();
    for (let second = 0; second < 60; second += 1) {
      viewers.watch(STEP_MS, 1, { place: '/ssd' });
      viewers.watch(STEP_MS, 30, { place: '/hdd' });
    }
    expect(viewers.bulk.share).toBe(1);
    viewers.watch(1000, 30, { place: '/ssd' });
    expect(viewers.bulk.share).toBe(0);
  });

  it('is whole without viewers', () => {
    const viewers = new Viewers();
    viewers.watch(60_000, 10, { perSec: 0 });
    expect(viewers.bulk.share).toBe(1);
  });
});
