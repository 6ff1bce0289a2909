import { describe, expect, it } from 'vitest';
import { PurgeBarrier } from '../../../appliance/purge/purge-barrier.ts';
import { mayMean, means, type PurgeRule } from '../../../appliance/purge/purge-rule.ts';

const FILM: PurgeRule = { by: 'key', key: '/film' };
const film = { key: '/film', headers: {} };
const other = { key: '/other', headers: {} };

describe('a purge rule', () => {
  const tagged = (headers: Record<string, string>) => ({ key: '/a/b?c', etag: '"v1"', headers });

  it.each<[PurgeRule, boolean]>([
    [{ by: 'key', key: '/a/b?c' }, true],
    [{ by: 'key', key: '/a/b' }, false],
    [{ by: 'prefix', prefix: '/a/' }, true],
    [{ by: 'prefix', prefix: '/a/b?' }, true],
    [{ by: 'prefix', prefix: '/b' }, false],
    [{ by: 'generation', key: '/a/b?c', etag: '"v1"' }, true],
    [{ by: 'generation', key: '/a/b?c', etag: '"v2"' }, false],
    [{ by: 'generation', key: '/a', etag: '"v1"' }, false],
    [{ by: 'title', title: 't', keys: new Set(['/a/b?c']) }, true],
    [{ by: 'title', title: 't', keys: new Set(['/a']) }, false],
  ])('%o means an object or does not: %s', (rule, expected) => {
    expect(means(rule, tagged({}))).toBe(expected);
  });

  it('means all that is kept side by side under a key', () => {
    const variant = { key: '/film Zm9v', etag: '"fr"', headers: {} };
    expect(means(FILM, variant)).toBe(true);
    expect(means({ by: 'generation', key: '/film', etag: '"fr"' }, variant)).toBe(true);
    expect(means({ by: 'title', title: 't', keys: new Set(['/film']) }, variant)).toBe(true);
    expect(means({ by: 'key', key: '/fil' }, variant)).toBe(false);
  });

  it.each([
    [{ 'cache-tag': 'news, sport,live' }, 'sport', true],
    [{ 'surrogate-key': 'news sport  live' }, 'live', true],
    [{ xkey: 'news' }, 'news', true],
    [{ 'cache-tag': 'newspaper' }, 'news', false],
    [{ 'x-other': 'news' }, 'news', false],
    [{ 'cache-tag': `${'x,'.repeat(5000)}news` }, 'news', false],
  ])('finds a tag whole, in the fields that have tags, as far as they are read', (headers, tag, expected) => {
    expect(means({ by: 'tag', tag }, tagged(headers as Record<string, string>))).toBe(expected);
  });

  it('may mean whatever has no head yet, where the head would tell', () => {
    expect(mayMean({ by: 'tag', tag: 'x' }, '/any')).toBe(true);
    expect(mayMean({ by: 'generation', key: '/film', etag: '"x"' }, '/film')).toBe(true);
    expect(mayMean({ by: 'generation', key: '/film', etag: '"x"' }, '/other')).toBe(false);
    expect(mayMean(FILM, '/other')).toBe(false);
  });
});

describe('the purge barrier', () => {
  it('stops what began before a purge and is meant by it, and nothing else', () => {
    const barrier = new PurgeBarrier();
    const before = barrier.enter();
    barrier.begin(FILM)[Symbol.dispose]();
    const after = barrier.enter();
    expect(before.isOutdated(film)).toBe(true);
    expect(before.isOutdated(other)).toBe(false);
    expect(after.isOutdated(film)).toBe(false);
    expect(() => before.check(film)).toThrow('purged');
  });

  it('covers what was there before while it is carried out, and not what came since', () => {
    const barrier = new PurgeBarrier();
    const sweep = barrier.begin(FILM);
    expect(barrier.isToGo(film)).toBe(true);
    expect(barrier.isToGo(other)).toBe(false);
    barrier.created('/film');
    expect(barrier.isToGo(film)).toBe(false);
    expect(sweep.covers(film)).toBe(false);
    sweep[Symbol.dispose]();
    expect(barrier.isToGo(film)).toBe(false);
  });

  it('keeps a rule while it is carried out or somebody who began before it is on the way, and no longer', () => {
    const barrier = new PurgeBarrier();
    const early = barrier.enter();
    const late = barrier.enter();
    const sweep = barrier.begin(FILM);
    late[Symbol.dispose]();
    sweep[Symbol.dispose]();
    expect(barrier.standingCount).toBe(1);
    expect(early.isOutdated(film)).toBe(true);
    early[Symbol.dispose]();
    expect(barrier.standingCount).toBe(0);
    const open = barrier.begin(FILM);
    expect(barrier.standingCount).toBe(1);
    open[Symbol.dispose]();
    open[Symbol.dispose]();
    expect(barrier.standingCount).toBe(0);
  });
});
