import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CachingRig } from './caching-rig.ts';

type Fields = Readonly<Record<string, string | readonly string[]>>;

describe('what is stored is served', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start();
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  /** How many requests reach the origin when the path is asked for twice, `seconds` apart. */
  const asksFor = async (
    fields: Fields,
    seconds = 0,
    second: Readonly<Record<string, string>> = {},
  ): Promise<number> => {
    rig.on('/a', { headers: fields, body: 'it' });
    await rig.get('/a');
    rig.pass(seconds);
    await rig.get('/a', second);
    return rig.requests.length;
  };

  it.each<[string, Fields, number, number]>([
    ['max-age', { 'cache-control': 'max-age=10' }, 9, 1],
    ['max-age that is over', { 'cache-control': 'max-age=10' }, 10, 2],
    ['s-maxage before max-age', { 'cache-control': 'max-age=1, s-maxage=10' }, 9, 1],
    ['s-maxage before Expires', { 'cache-control': 's-maxage=10', expires: '0' }, 9, 1],
    ['a quoted argument', { 'cache-control': 'max-age="10"' }, 9, 1],
    ['upper case', { 'cache-control': 'MAX-AGE=10' }, 9, 1],
    ['unknown directives before it', { 'cache-control': 'foo, bar="max-age=0, x", max-age=10' }, 9, 1],
    ['two lines', { 'cache-control': ['public', 'max-age=10'] }, 9, 1],
    ['the first of two', { 'cache-control': 'max-age=10, max-age=1' }, 9, 1],
    ['no number', { 'cache-control': 'max-age=ten' }, 0, 2],
    ['a negative number', { 'cache-control': 'max-age=-10' }, 0, 2],
    ['a fraction', { 'cache-control': 'max-age=10.5' }, 0, 2],
    ['more than 2^31', { 'cache-control': 'max-age=99999999999999999999' }, 1_000_000, 1],
    ['no-cache beside max-age', { 'cache-control': 'no-cache, max-age=10' }, 0, 2],
    ['no-cache of a field', { 'cache-control': 'no-cache="x-a", max-age=10' }, 0, 2],
    ['private of a field', { 'cache-control': 'private="x-a", max-age=10' }, 0, 2],
    ['no-store', { 'cache-control': 'no-store, max-age=10' }, 0, 2],
    ['must-understand beside no-store', { 'cache-control': 'must-understand, no-store, max-age=10' }, 0, 1],
    ['nothing', {}, 0, 2],
    ['Last-Modified alone', { 'last-modified': 'Tue, 01 Jan 2019 00:00:00 GMT' }, 0, 2],
    ['Age', { 'cache-control': 'max-age=10', age: '8' }, 1, 1],
    ['Age that uses it up', { 'cache-control': 'max-age=10', age: '8' }, 2, 2],
    ['the first of two ages', { 'cache-control': 'max-age=10', age: ['10', '0'] }, 0, 2],
    ['an age that is none', { 'cache-control': 'max-age=10', age: '-20' }, 9, 1],
    ['an age beyond 2^31', { 'cache-control': 'max-age=10', age: '99999999999999999999' }, 0, 2],
    ['Pragma, which means nothing in an answer', { pragma: 'no-cache', 'cache-control': 'max-age=10' }, 0, 1],
    ['Expires that is no date', { expires: '0' }, 0, 2],
    ['CDN-Cache-Control', { 'cdn-cache-control': 'max-age=10', 'cache-control': 'no-store' }, 9, 1],
    ['CDN-Cache-Control that forbids', { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=10' }, 0, 2],
    ['CDN-Cache-Control of strings', { 'cdn-cache-control': 'max-age="10"', 'cache-control': 'max-age=10' }, 0, 2],
    ['CDN-Cache-Control that does not parse', { 'cdn-cache-control': 'max-age=', 'cache-control': 'max-age=10' }, 9, 1],
    ['another targeted field', { 'other-cache-control': 'no-store', 'cache-control': 'max-age=10' }, 9, 1],
  ])('as %s says (CACHE-1, CACHE-2, CACHE-11, CACHE-12)', async (_what, fields, seconds, requests) => {
    expect(await asksFor(fields, seconds)).toBe(requests);
  });

  it.each<[string, (at: Date) => string]>([
    ['IMF-fixdate', (at) => at.toUTCString()],
    ['RFC 850', (at) => rfc850(at)],
    ['asctime', (at) => asctime(at)],
  ])('until an Expires in the format of %s', async (_format, write) => {
    const at = (seconds: number): string => write(new Date(rig.nowMs + seconds * 1000));
    expect(await asksFor({ expires: at(10) }, 9)).toBe(1);
    rig.renew();
    expect(await asksFor({ expires: at(10) }, 10)).toBe(2);
    rig.renew();
    expect(await asksFor({ expires: at(-10) }, 0)).toBe(2);
  });

  it('for Expires minus Date, whatever the clock of the origin says', async () => {
    expect(await asksFor({ date: rig.date(3600), expires: rig.date(3610) }, 9)).toBe(1);
    rig.renew();
    expect(await asksFor({ date: rig.date(3600), expires: rig.date(3610) }, 10)).toBe(2);
    rig.renew();
    expect(await asksFor({ date: rig.date(-5), 'cache-control': 'max-age=10' }, 4)).toBe(1);
    rig.renew();
    expect(await asksFor({ date: rig.date(-5), 'cache-control': 'max-age=10' }, 5)).toBe(2);
  });

  it.each<[string, string, number, number]>([
    ['max-age that it is younger than', 'max-age=10', 9, 1],
    ['max-age that it is older than', 'max-age=5', 9, 2],
    ['min-fresh that it has', 'min-fresh=10', 9, 1],
    ['min-fresh that it has not', 'min-fresh=95', 9, 2],
    ['max-stale beyond its time', 'max-stale=20', 110, 1],
    ['max-stale without end', 'max-stale', 10_000, 1],
    ['max-stale that is too little', 'max-stale=5', 110, 2],
    ['no-cache', 'no-cache', 0, 2],
    ['no-store, which forbids to store and not to serve', 'no-store', 0, 1],
    ['no-transform', 'no-transform', 0, 1],
    ['an unknown directive', 'please', 0, 1],
  ])('to a client with %s (RFC 9111 section 5.2.1)', async (_what, directive, seconds, requests) => {
    expect(await asksFor({ 'cache-control': 'max-age=100' }, seconds, { 'cache-control': directive })).toBe(requests);
  });

  it('to Pragma: no-cache after it was confirmed, unless there is Cache-Control (section 5.4)', async () => {
    expect(await asksFor({ 'cache-control': 'max-age=100' }, 0, { pragma: 'no-cache' })).toBe(2);
    rig.renew();
    const both = { pragma: 'no-cache', 'cache-control': 'max-age=50' };
    expect(await asksFor({ 'cache-control': 'max-age=100' }, 0, both)).toBe(1);
  });

  it('never stale to max-stale where the answer forbids that', async () => {
    expect(await asksFor({ 'cache-control': 'max-age=1, must-revalidate' }, 5, { 'cache-control': 'max-stale' })).toBe(
      2,
    );
  });

  it('to a reload where it is immutable, and after a question to no-cache (CACHE-10)', async () => {
    const fields = { 'cache-control': 'max-age=100, immutable', etag: '"1"' };
    expect(await asksFor(fields, 1, { 'cache-control': 'max-age=0', 'if-none-match': '"1"' })).toBe(1);
    await rig.get('/a', { 'cache-control': 'no-cache' });
    expect(rig.requests).toHaveLength(2);
  });

  it('to only-if-cached, or 504 without a question (CACHE-8)', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=100' }, body: 'it' });
    const peer = { 'cache-control': 'only-if-cached' };
    expect((await rig.get('/a', peer)).status).toBe(504);
    await rig.get('/a');
    expect((await rig.get('/a', peer)).body.toString()).toBe('it');
    expect(rig.requests).toHaveLength(1);
  });

  it('with its age, and with ttl in Cache-Status', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=100', age: '20' }, body: 'it' });
    expect((await rig.get('/a')).headers).toMatchObject({
      age: '20',
      'cache-status': 'oca-1;fwd=uri-miss;fwd-status=200;ttl=80;stored',
    });
    rig.pass(30);
    expect((await rig.get('/a')).headers).toMatchObject({ age: '50', 'cache-status': 'oca-1;hit;ttl=50' });
  });

  it('behind what upstream said in Cache-Status, in its order (CACHE-13)', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=9', 'cache-status': 'far;hit, near;fwd=stale' }, body: 'it' });
    await rig.get('/a');
    expect((await rig.get('/a')).headers['cache-status']).toBe('far;hit, near;fwd=stale, oca-1;hit;ttl=9');
  });

  it('as 206 and 304 of a hit (CACHE-14, RNG-13, RNG-15)', async () => {
    const fields = {
      'cache-control': 'max-age=9',
      etag: '"1"',
      vary: 'Origin',
      'content-location': '/b',
      expires: '0',
    };
    rig.on('/a', { headers: fields, body: '0123456789' });
    await rig.get('/a');
    const part = await rig.get('/a', { range: 'bytes=2-4' });
    expect([part.status, part.body.toString()]).toEqual([206, '234']);
    const { headers } = part;
    expect(headers).toMatchObject({ ...fields, 'content-range': 'bytes 2-4/10', 'cache-status': 'oca-1;hit;ttl=9' });
    expect(headers.date).toBeDefined();
    const known = await rig.get('/a', { range: 'bytes=2-4', 'if-none-match': 'W/"1"' });
    expect([known.status, known.receivedBytes]).toEqual([304, 0]);
    expect(known.headers).toMatchObject({
      etag: '"1"',
      'cache-control': 'max-age=9',
      'cache-status': 'oca-1;hit;ttl=9',
    });
    expect(rig.requests).toHaveLength(1);
  });

  it('as it is coded, in ranges of the coded bytes (RNG-18)', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=9', 'content-encoding': 'br', etag: '"br"' }, body: 'coded' });
    await rig.get('/a', { 'accept-encoding': 'br' });
    const part = await rig.get('/a', { range: 'bytes=1-2' });
    expect([part.body.toString(), part.headers['content-encoding']]).toEqual(['od', 'br']);
    expect(rig.requests).toHaveLength(1);
  });

  it('to HEAD, with its length (CACHE-7)', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=9' }, body: '0123456789' });
    await rig.get('/a');
    const head = await rig.get('/a', {}, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.receivedBytes]).toEqual([200, '10', 0]);
    expect(rig.requests).toHaveLength(1);
  });

  it('after an early hint, which is no answer (HTTP-3)', async () => {
    rig.on('/a', () => (response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(200, { date: rig.date(), 'cache-control': 'max-age=9', 'content-length': '2' });
      response.end('it');
    });
    await rig.get('/a');
    const answer = await rig.get('/a');
    expect([answer.status, answer.body.toString(), answer.headers['link']]).toEqual([200, 'it', undefined]);
    expect(rig.requests).toHaveLength(1);
  });

  it('is not: what was asked for with credentials (CACHE-1)', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=9' }, body: 'it' });
    for (let round = 0; round < 2; round += 1) await rig.get('/a', { authorization: 'Basic eA==' });
    expect(rig.requests).toHaveLength(2);
    await rig.get('/a');
    await rig.get('/a', { authorization: 'Basic eA==' });
    expect(rig.requests).toHaveLength(3);
  });
});

function rfc850(at: Date): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) \d\d(\d\d) (\S+) GMT$/.exec(at.toUTCString()) ?? [];
  return `Monday, ${day}-${month}-${year} ${time} GMT`;
}

function asctime(at: Date): string {
  const [, weekday, day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/.exec(at.toUTCString()) ?? [];
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}
