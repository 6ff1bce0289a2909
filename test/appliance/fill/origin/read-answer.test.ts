import { describe, expect, it } from 'vitest';
import {
  isSameGeneration,
  keptHeaders,
  type OriginAnswer,
  readAnswer,
  renewDescription,
  strongValidator,
} from '../../../../appliance/fill/origin/read-answer.ts';

const NOW_MS = Date.parse('Tue, 01 Jan 2030 12:00:00 GMT');
const DATE = 'Tue, 01 Jan 2030 12:00:00 GMT';
const OLD = 'Tue, 01 Jan 2030 10:00:00 GMT';
const POLICY = {
  defaultTtlMs: 7000,
  negativeTtlMs: 2000,
  failureTtlMs: 1000,
  staleIfErrorMs: 9000,
  fallbackTag: 'fallback',
};
const BASE = { date: DATE, 'content-length': '1000', 'content-type': 'video/mp4' };

type Fields = Readonly<Record<string, string>>;
const facts = (headers: Fields, more: { status?: number; askedRange?: boolean } = {}) => ({
  key: '/a',
  status: more.status ?? 200,
  headers,
  requestTimeMs: NOW_MS,
  responseTimeMs: NOW_MS,
  askedRange: more.askedRange ?? false,
});
const read = (headers: Fields, more?: { status?: number; askedRange?: boolean }): OriginAnswer =>
  readAnswer(facts({ ...BASE, ...headers }, more), POLICY);
const part = (headers: Fields, contentRange = 'bytes 0-999/5000'): OriginAnswer =>
  read({ 'content-range': contentRange, ...headers }, { status: 206, askedRange: true });
const representation = (answer: OriginAnswer) => {
  if (answer.kind !== 'representation') throw new Error(`is ${answer.kind}`);
  return answer;
};

describe('an answer of the origin', () => {
  it('with a strong tag is an object that is filled by ranges', () => {
    const { description, first, last, fillsByRange } = representation(read({ etag: '"e"' }));
    expect({ first, last, fillsByRange }).toEqual({ first: 0, last: 999, fillsByRange: true });
    expect(description).toMatchObject({ key: '/a', sizeBytes: 1000, etag: '"e"', sourceEtag: '"e"' });
  });

  it('with a weak tag or none has a tag of ours, and is fetched as a whole', () => {
    for (const headers of [{ etag: 'W/"e"' }, {}, { etag: 'W/"e"', 'last-modified': OLD }]) {
      const { description, fillsByRange } = representation(read(headers));
      expect(description.etag).toBe('"fallback"');
      expect(description.sourceEtag).toBeUndefined();
      expect(fillsByRange).toBe(false);
    }
  });

  it('with a Last-Modified that is strong has the same tag wherever it is fetched', () => {
    const [one, two] = [read({ 'last-modified': OLD }), read({ 'last-modified': OLD, age: '3' })].map(representation);
    expect(one?.description.etag).toMatch(/^"lm-/);
    expect(two?.description.etag).toBe(one?.description.etag);
    expect(one?.fillsByRange).toBe(true);
    expect(strongValidator(one!.description)).toBe(OLD);
  });

  it('with a Last-Modified of this very second has no strong validator', () => {
    expect(representation(read({ 'last-modified': DATE })).fillsByRange).toBe(false);
  });

  it.each([
    ['a range was asked for', { etag: '"e"' }, true],
    ['it says that it takes none', { etag: '"e"', 'accept-ranges': 'none' }, false],
  ])('that is whole is not filled by ranges when %s', (_when, headers, askedRange) => {
    expect(representation(read(headers, { askedRange })).fillsByRange).toBe(false);
  });

  it('that is a part of a known size begins a sparse object', () => {
    const { description, first, last } = representation(part({ etag: '"e"' }, 'bytes 100-199/5000'));
    expect({ first, last, size: description.sizeBytes }).toEqual({ first: 100, last: 199, size: 5000 });
  });

  it.each([
    ['without a strong validator', part({}), 'lone-part'],
    ['of unknown size', part({ etag: '"e"' }, 'bytes 0-9/*'), 'lone-part'],
    ['that says nonsense', part({ etag: '"e"' }, 'bytes 9-0/5'), 'broken'],
    ['that nobody asked for', read({ 'content-range': 'bytes 0-9/10', etag: '"e"' }, { status: 206 }), 'broken'],
  ])('that is a part %s', (_what, answer, kind) => {
    expect(answer.kind).toBe(kind);
  });

  it.each([
    [{ 'cache-control': 'no-store' }, 'response-no-store'],
    [{ 'cache-control': 'private' }, 'private'],
    [{ 'set-cookie': 'a=b' }, 'set-cookie'],
    [{ vary: '*' }, 'vary-any'],
  ])('with %o is for one client alone', (headers, reason) => {
    expect(read(headers)).toEqual({ kind: 'private', reason });
  });

  it('that varies by what we always ask the same is for all', () => {
    const vary = 'Accept-Encoding, Origin, X-Forwarded-Proto, CMCD-Session';
    expect(representation(read({ etag: '"e"', vary })).varyOn).toEqual([]);
  });

  it('that varies by what goes upstream, or by who somebody is, is for those who have the same', () => {
    expect(representation(read({ etag: '"e"', vary: 'X-Screen,accept-Language , Cookie' })).varyOn).toEqual([
      'accept-language',
      'cookie',
      'x-screen',
    ]);
  });

  it('without a length is stored when its end is known', () => {
    const answer = readAnswer(facts({ date: DATE, etag: '"e"' }), POLICY);
    if (answer.kind !== 'unsized') throw new Error(answer.kind);
    expect(answer.describe(77)).toMatchObject({ sizeBytes: 77, etag: '"e"' });
  });

  it.each([
    [304, 'not-modified'],
    [416, 'unsatisfied'],
    [404, 'status'],
    [301, 'status'],
    [503, 'status'],
  ])('of status %i', (status, kind) => {
    expect(read({}, { status }).kind).toBe(kind);
  });

  it.each([
    ['404 that says nothing counts as long as the operator says', 404, {}, 2000],
    ['503 that says nothing counts for a moment', 503, {}, 1000],
    ['404 counts as long as it says', 404, { 'cache-control': 'max-age=30' }, 30_000],
    ['404 that says 0 counts for nobody', 404, { 'cache-control': 'max-age=0' }, undefined],
    ['503 that is to be kept 5 s is (LL-6)', 503, { 'cache-control': 'max-age=5' }, 5000],
    ['404 with no-cache counts for nobody', 404, { 'cache-control': 'max-age=30, no-cache' }, undefined],
    ['404 with no-store counts for nobody', 404, { 'cache-control': 'no-store' }, undefined],
    ['403 that says nothing counts for nobody', 403, {}, undefined],
    ['301 that says nothing counts as long as the operator says', 301, {}, 7000],
    ['302 that says nothing counts for nobody', 302, {}, undefined],
    ['302 counts as long as it says', 302, { expires: 'Tue, 01 Jan 2030 12:00:09 GMT' }, 9000],
    ['404 from a clock that is slow counts from now on', 404, { date: OLD }, 7_202_000],
  ])('%s', (_what, status, headers, freshnessMs) => {
    const answer = read(headers, { status });
    expect(answer.kind === 'status' ? answer.kept?.freshnessMs : answer.kind).toBe(freshnessMs);
  });

  it.each([
    ['private', { 'cache-control': 'private' }],
    ['with a cookie', { 'set-cookie': 'a=b' }],
    ['not to be stored', { 'cache-control': 'no-store' }],
  ])('that is a redirect %s is for one client alone', (_what, headers) => {
    expect(read(headers, { status: 302 }).kind).toBe('private');
  });

  it('with a length that is no number is broken', () => {
    expect(read({ 'content-length': '12, 13' }).kind).toBe('broken');
  });
});

describe('lifetimes', () => {
  const lifetimes = (headers: Fields): unknown => {
    const { freshnessMs, initialAgeMs, staleIfErrorMs } = representation(read({ etag: '"e"', ...headers })).description;
    return [freshnessMs, initialAgeMs, staleIfErrorMs];
  };

  it.each([
    ['nothing', {}, [7000, 0, 9000]],
    ['max-age', { 'cache-control': 'max-age=10' }, [10_000, 0, 9000]],
    ['Last-Modified alone, which we do not guess from', { 'last-modified': OLD }, [7000, 0, 9000]],
    ['s-maxage', { 'cache-control': 'max-age=10, s-maxage=20' }, [20_000, 0, 0]],
    ['s-maxage and leave to be stale', { 'cache-control': 's-maxage=20, stale-if-error=5' }, [20_000, 0, 5000]],
    ['must-revalidate', { 'cache-control': 'max-age=10, must-revalidate, stale-if-error=5' }, [10_000, 0, 0]],
    ['CDN-Cache-Control', { 'cache-control': 'max-age=1', 'cdn-cache-control': 'max-age=30' }, [30_000, 0, 9000]],
    ['Expires', { expires: 'Tue, 01 Jan 2030 12:01:00 GMT' }, [60_000, 0, 9000]],
    ['Age', { 'cache-control': 'max-age=10', age: '4' }, [10_000, 4000, 9000]],
    ['an old Date', { 'cache-control': 'max-age=10', date: 'Tue, 01 Jan 2030 11:59:57 GMT' }, [10_000, 3000, 9000]],
  ])('come from %s', (_what, headers, expected) => {
    expect(lifetimes(headers)).toEqual(expected);
  });
});

describe('a stored description', () => {
  const { description } = representation(read({ etag: '"e"', 'cache-control': 'max-age=10', 'x-kept': 'yes' }));
  const later = {
    ...facts({ date: DATE, etag: '"e"', 'cache-control': 'max-age=50' }),
    responseTimeMs: NOW_MS + 60_000,
  };

  it('is renewed by a 304 that speaks of it', () => {
    const renewed = renewDescription(description, later, POLICY);
    expect(renewed).toMatchObject({
      confirmedAtMs: NOW_MS + 60_000,
      freshnessMs: 50_000,
      etag: '"e"',
      sizeBytes: 1000,
    });
    expect(renewed?.headers['x-kept']).toBe('yes');
    expect(renewed?.headers['cache-control']).toBe('max-age=50');
  });

  it('is not renewed by a 304 that speaks of another', () => {
    expect(renewDescription(description, { ...later, headers: { etag: '"f"' } }, POLICY)).toBeUndefined();
  });

  it('knows the bytes of its own generation by equal strong validators only', () => {
    expect(isSameGeneration(description, { etag: '"e"' })).toBe(true);
    expect(isSameGeneration(description, { etag: 'W/"e"' })).toBe(false);
    expect(isSameGeneration(description, {})).toBe(false);
  });
});

it('header fields of the connection, of one body, of cookies and of other sites are not kept', () => {
  expect(
    keptHeaders({
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'transfer-encoding': 'chunked',
      'content-length': '5',
      'content-range': 'bytes 0-4/5',
      'set-cookie': 'a=b',
      'access-control-allow-origin': 'https://one.example',
      'content-type': 'text/plain',
      'cmsd-static': 'ot=v,br=2400',
      'x-odd': 'bell\u0007',
    }),
  ).toEqual({ 'content-type': 'text/plain', 'cmsd-static': 'ot=v,br=2400' });
});
