import { describe, expect, it } from 'vitest';
import type { EvictionPolicy } from '../../../../appliance/store/eviction/eviction-policy.ts';
import { GuardedReuseRate } from '../../../../appliance/store/eviction/guarded-reuse-rate.ts';
import { Lru } from '../../../../appliance/store/eviction/lru.ts';
import { ReuseRate } from '../../../../appliance/store/eviction/reuse-rate.ts';
import { S3Fifo } from '../../../../appliance/store/eviction/s3-fifo.ts';
import { ShadowCache } from '../../../../appliance/store/eviction/shadow-cache.ts';
import { Sieve } from '../../../../appliance/store/eviction/sieve.ts';
import { scrambled } from '../../../../appliance/store/eviction/structures/hash-of-key.ts';
import { WTinyLfu } from '../../../../appliance/store/eviction/w-tinylfu.ts';

/** What a cache of so many bytes gives for requests of one byte each: h hit, s stored, r refused. */
function replay(policy: EvictionPolicy, capacityBytes: number, keys: string): string {
  const cache = new ShadowCache(policy, capacityBytes);
  return keys
    .split('')
    .map((key) => cache.request(scrambled(key.charCodeAt(0)), 1)[0])
    .join('');
}

it('LRU keeps what was used last', () => {
  //                             a b c a d  b: gone  a: still there
  expect(replay(new Lru(), 3, 'abcadba')).toBe('ssshssh');
});

it('SIEVE spares what was used since the hand passed, and where it stands stays its place', () => {
  // d: the hand clears a, evicts b, stands at c. e: c goes, a was spared. a: hit. f: d goes (a is behind the hand).
  expect(replay(new Sieve(), 3, 'abcadeafd')).toBe('ssshsshss');
});

it('S3-FIFO lets what came once go first, and takes what comes back into the main queue', () => {
  const policy = new S3Fifo();
  // a is used in the small queue and survives b and c, which come once; b comes back and outlives newcomers.
  expect(replay(policy, 3, 'aabcdefa')).toBe('shsssssh');
  const cache = new ShadowCache(new S3Fifo(), 3);
  const ask = (key: string) => cache.request(scrambled(key.charCodeAt(0)), 1);
  for (const key of 'abcdb') ask(key);
  for (const key of 'efghi') ask(key);
  expect(ask('b')).toBe('hit');
});

describe('W-TinyLFU', () => {
  const popular = (policy: EvictionPolicy, capacityBytes: number) => {
    const cache = new ShadowCache(policy, capacityBytes);
    // Asked for again and again, with others between, so that each time counts.
    for (let round = 0; round < 8; round += 1) {
      for (let key = 0; key < 8; key += 1) cache.request(scrambled(key), 1);
    }
    return cache;
  };
  const hits = (cache: ShadowCache) =>
    Array.from({ length: 8 }, (_, key) => cache.request(scrambled(key), 1)).filter((outcome) => outcome === 'hit')
      .length;

  it('keeps what is popular through a scan that LRU does not survive', () => {
    const tinyLfu = popular(new WTinyLfu({ windowShare: 0.2, needsSecondHit: false }), 10);
    const lru = popular(new Lru(), 10);
    for (let key = 100; key < 200; key += 1) {
      tinyLfu.request(scrambled(key), 1);
      lru.request(scrambled(key), 1);
    }
    expect(hits(lru)).toBe(0);
    expect(hits(tinyLfu)).toBeGreaterThanOrEqual(7);
  });

  it('weighs bytes: large newcomers do not push out most of the small ones that are asked for more per byte', () => {
    const cache = popular(new WTinyLfu({ windowShare: 0.2, needsSecondHit: false }), 10);
    for (let key = 300; key < 320; key += 1) cache.request(scrambled(key), 2);
    expect(hits(cache)).toBeGreaterThanOrEqual(5);
  });

  it('with a window of everything does what LRU does', () => {
    const keys = Array.from({ length: 3000 }, (_, index) => scrambled(index * 7 + 1) % 60);
    const outcomes = (policy: EvictionPolicy) => {
      const cache = new ShadowCache(policy, 25);
      return keys.map((key) => cache.request(scrambled(key), 1 + (key % 4)));
    };
    expect(outcomes(new WTinyLfu({ windowShare: 1, needsSecondHit: false }))).toEqual(outcomes(new Lru()));
  });

  it('stores on the second request where it is told to, and everything while there is room', () => {
    expect(replay(new WTinyLfu({ windowShare: 0.2, needsSecondHit: true }), 2, 'abccc')).toBe('ssrsh');
  });
});

describe('the rate of reuse', () => {
  const byReuse = { isLru: false, needsSecondHit: false };

  it('keeps most of a loop that is a little larger than the cache, of which LRU keeps nothing', () => {
    const ask = (policy: EvictionPolicy) => {
      const cache = new ShadowCache(policy, 200);
      let hitCount = 0;
      for (let request = 0; request < 20_000; request += 1) {
        if (cache.request(scrambled(request % 240), 1) === 'hit') hitCount += 1;
      }
      return hitCount;
    };
    expect(ask(new Lru())).toBe(0);
    expect(ask(new ReuseRate(byReuse))).toBeGreaterThan(20_000 * 0.6);
  });

  it('learns that who came twice within a while never comes again, whatever is thought at first', () => {
    const cache = new ShadowCache(new ReuseRate(byReuse), 40);
    let lateHits = 0;
    for (let key = 0; key < 20_000; key += 1) {
      cache.request(scrambled(key), 1);
      // LRU would have to hold sixty.
      if (key < 30) continue;
      const outcome = cache.request(scrambled(key - 30), 1);
      if (outcome === 'hit' && key >= 10_000) lateHits += 1;
    }
    expect(lateHits).toBeGreaterThan(10_000 * 0.6);
  });

  it('does what LRU does when it is told to', () => {
    const keys = Array.from({ length: 3000 }, (_, index) => scrambled(index * 7 + 1) % 60);
    const outcomes = (policy: EvictionPolicy) => {
      const cache = new ShadowCache(policy, 25);
      return keys.map((key) => cache.request(scrambled(key), 1 + (key % 4)));
    };
    expect(outcomes(new ReuseRate({ ...byReuse, isLru: true }))).toEqual(outcomes(new Lru()));
  });

  it('after a start lets go first what was used longest ago: nothing else is known', () => {
    const policy = new ReuseRate(byReuse);
    const slots = Array.from({ length: 30 }, (_, key) => policy.add(scrambled(key), 1));
    const [first] = policy.victims();
    expect(first).toBe(slots[0]);
  });
});

describe('the guard', () => {
  /** One-time keys, each asked for twice in short order: what LRU is made for, and a frequency filter is not. */
  function* bursts(from: number, count: number): Generator<number> {
    for (let key = from; key < from + count; key += 1) {
      yield key;
      if (key >= from + 15) yield key - 15;
    }
  }
  /** A few hundred keys that are asked for all the time, among ten times as many that come once. */
  function* catalogue(from: number, count: number): Generator<number> {
    for (let index = 0; index < count; index += 1) {
      yield scrambled(index) % 10 === 0 ? scrambled(index * 3) % 60 : from + index;
    }
  }

  it('falls back to LRU when the shadow LRU wins, and comes back when it does not any more', () => {
    const policy = new GuardedReuseRate();
    const cache = new ShadowCache(policy, 40);
    const ask = (keys: Iterable<number>) => {
      let hitCount = 0;
      for (const key of keys) if (cache.request(scrambled(key), 1) === 'hit') hitCount += 1;
      return hitCount;
    };
    ask(catalogue(1e6, 20_000));
    expect(policy.insight).toMatchObject({ activeRule: 'reuse-rate', needsSecondHit: true });
    ask(bursts(2e6, 20_000));
    expect(policy.insight.activeRule).toBe('lru');
    const { shadow } = policy.insight;
    expect(shadow!.lruHitRatio).toBeGreaterThan(0.4);
    const lru = new ShadowCache(new Lru(), 40);
    let lruHits = 0;
    for (const key of bursts(3e6, 5000)) if (lru.request(scrambled(key), 1) === 'hit') lruHits += 1;
    expect(ask(bursts(3e6, 5000))).toBeGreaterThan(lruHits * 0.98);
    ask(catalogue(4e6, 60_000));
    expect(policy.insight.activeRule).toBe('reuse-rate');
  });

  it('watches a sample only when there are many entries, and still sees who wins', () => {
    const policy = new GuardedReuseRate();
    const cache = new ShadowCache(policy, 40_000);
    for (const key of catalogueOfMany(200_000)) cache.request(scrambled(key), 1);
    const { activeRule, shadow } = policy.insight;
    expect(activeRule).toBe('reuse-rate');
    expect(shadow!.ownHitRatio).toBeGreaterThan(shadow!.lruHitRatio + 0.01);
  });

  function* catalogueOfMany(count: number): Generator<number> {
    for (let index = 0; index < count; index += 1) {
      yield scrambled(index) % 4 === 0 ? scrambled(index * 3) % 30_000 : 1e6 + index;
    }
  }
});
