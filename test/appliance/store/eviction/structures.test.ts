import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrequencySketch } from '../../../../appliance/store/eviction/structures/frequency-sketch.ts';
import { GhostSet } from '../../../../appliance/store/eviction/structures/ghost-set.ts';
import { hashOfBlock, hashOfKey } from '../../../../appliance/store/eviction/structures/hash-of-key.ts';
import {
  FIRST_KIND,
  RequestHistory,
  requestsOf,
} from '../../../../appliance/store/eviction/structures/request-history.ts';
import { ReuseRates } from '../../../../appliance/store/eviction/structures/reuse-rates.ts';
import { SecondHitFilter } from '../../../../appliance/store/eviction/structures/second-hit-filter.ts';

const hash = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('a frequency sketch', () => {
  it('never tells less than there was, up to its limit, also after it grew', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 60 }), fc.array(fc.nat(59), { maxLength: 60 }), (hashes, picks) => {
        const sketch = new FrequencySketch(64);
        const counts = new Map<number, number>();
        for (const [index, pick] of picks.entries()) {
          const picked = hashes[pick % Math.max(1, hashes.length)];
          if (picked === undefined) continue;
          if (index === 30) sketch.grow();
          sketch.add(picked);
          counts.set(picked, (counts.get(picked) ?? 0) + 1);
        }
        for (const [one, count] of counts) expect(sketch.estimate(one)).toBeGreaterThanOrEqual(Math.min(16, count));
      }),
    );
  });

  it('tells most hashes that it has not seen from those it has', () => {
    const sketch = new FrequencySketch(1024);
    for (let key = 0; key < 1000; key += 1) sketch.add(hashOfKey(`/seen/${key}`));
    let wrong = 0;
    for (let key = 0; key < 1000; key += 1) if (sketch.estimate(hashOfKey(`/new/${key}`)) > 0) wrong += 1;
    expect(wrong).toBeLessThan(100);
  });

  it('forgets half of what it knows, again and again, when others come', () => {
    const sketch = new FrequencySketch(64);
    const popular = hashOfKey('/popular');
    for (let time = 0; time < 16; time += 1) sketch.add(popular);
    expect(sketch.estimate(popular)).toBe(16);
    for (let key = 0; key < 64 * 2 * 6; key += 1) sketch.add(hashOfKey(`/other/${key}`));
    expect(sketch.estimate(popular)).toBeLessThan(5);
  });
});

describe('a second-hit filter', () => {
  it('knows everything of its last fill, and hardly anything that never came', () => {
    const filter = new SecondHitFilter(1024);
    for (let key = 0; key < 5000; key += 1) filter.add(hashOfKey(`${key}`));
    for (let key = 5000 - 1024; key < 5000; key += 1) expect(filter.has(hashOfKey(`${key}`))).toBe(true);
    let wrong = 0;
    for (let key = 0; key < 1000; key += 1) if (filter.has(hashOfKey(`new ${key}`))) wrong += 1;
    expect(wrong).toBeLessThan(100);
  });

  it('has forgotten what came two fills ago', () => {
    const filter = new SecondHitFilter(1024);
    const old = Array.from({ length: 100 }, (_, key) => hashOfKey(`old ${key}`));
    for (const one of old) filter.add(one);
    for (let key = 0; key < 3000; key += 1) filter.add(hashOfKey(`${key}`));
    expect(old.filter((one) => filter.has(one)).length).toBeLessThan(20);
  });
});

describe('a ghost set', () => {
  it('knows what was added within the last so many, before and after it grew, and nothing that was not', () => {
    const ghosts = new GhostSet(256);
    for (let key = 0; key < 40; key += 1) ghosts.add(hashOfKey(`${key}`));
    ghosts.grow();
    for (let key = 40; key < 50; key += 1) ghosts.add(hashOfKey(`${key}`));
    for (let key = 30; key < 50; key += 1) expect(ghosts.has(hashOfKey(`${key}`), 20)).toBe(true);
    for (let key = 0; key < 30; key += 1) expect(ghosts.has(hashOfKey(`${key}`), 20)).toBe(false);
    expect(ghosts.has(hashOfKey('50'), 100)).toBe(false);
  });
});

it('hashes keys and blocks apart', () => {
  const hashes = new Set<number>();
  for (let key = 0; key < 300; key += 1) {
    for (let block = 0; block < 30; block += 1) hashes.add(hashOfBlock(hashOfKey(`/title/${key}.mp4`), block));
  }
  expect(hashes.size).toBeGreaterThan(8990);
});

describe('a history of requests', () => {
  it('knows the age of all that was asked for lately, also after it grew, and nothing of what never was', () => {
    const history = new RequestHistory(4096);
    for (let key = 0; key < 1500; key += 1) {
      history.ask(hashOfKey(`/${key}`), key + 1);
      history.reserve(0);
    }
    expect(history.places).toBe(4096);
    let known = 0;
    for (let key = 0; key < 1500; key += 1) {
      const place = history.find(hashOfKey(`/${key}`));
      if (place < 0) continue;
      known += 1;
      expect(history.ageAt(place, 1500)).toBe(1499 - key);
    }
    // A bucket that is full lets the oldest go.
    expect(known).toBeGreaterThan(1350);
    for (let key = 0; key < 100; key += 1) expect(history.find(hashOfKey(`/never/${key}`))).toBe(-1);
  });

  it('tells what was asked for often lately from what was once, and from what was long ago', () => {
    const history = new RequestHistory(1024);
    const popular = hashOfKey('/popular');
    expect(history.ask(popular, 1)).toBe(FIRST_KIND);
    let kind = FIRST_KIND;
    for (let now = 100; now <= 2000; now += 100) kind = history.ask(popular, now);
    expect(requestsOf(kind)).toBe(6);
    expect(requestsOf(history.ask(popular, 1_000_000))).toBe(1);
  });
});

describe('rates of reuse', () => {
  it('are what was seen: asked for per request that was waited', () => {
    const rates = new ReuseRates(2, () => 0.5);
    for (let request = 0; request < 25_600; request += 1) {
      // A hundred of one kind and age wait, every fourth request is for one of them; of the other kind none ever comes.
      rates.waiting(0, 1000, 100);
      rates.waiting(1, 1000, 100);
      if (request % 4 === 0) rates.asked(0, 1000);
      rates.pass(5000);
    }
    expect(rates.rateOf(0, 1000)).toBeCloseTo(0.25 / 100, 4);
    expect(rates.rateOf(1, 1000)).toBeLessThan(0.0001);
  });

  it('follow what changes', () => {
    const rates = new ReuseRates(1, () => 0.5);
    for (let request = 0; request < 100_000; request += 1) {
      rates.waiting(0, 10, 10);
      if (request < 50_000 || request % 10 === 0) rates.asked(0, 10);
      rates.pass(5000);
    }
    expect(rates.rateOf(0, 10)).toBeCloseTo(0.01, 3);
  });
});
