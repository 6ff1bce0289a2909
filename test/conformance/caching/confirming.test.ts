import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CachingRig, type Scripted } from './caching-rig.ts';

describe('what is held is confirmed', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start();
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  const hold = async (headers: Readonly<Record<string, string>>): Promise<void> => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', ...headers }, body: 'old' });
    await rig.get('/a');
    rig.pass(11);
  };
  const then = (answer: Scripted): void => rig.on('/a', answer);

  it('and its fields are those of the 304, but for what describes a body (CACHE-6, RFC 9111 section 3.2)', async () => {
    await hold({ etag: '"1"', 'x-old': 'stays', 'x-both': 'old', 'content-type': 'text/plain' });
    then({
      status: 304,
      headers: {
        etag: '"1"',
        'cache-control': 'max-age=50',
        'x-both': 'new',
        'x-new': 'joins',
        'content-length': '99',
      },
    });
    const { headers } = await rig.get('/a');
    const expected = { 'x-old': 'stays', 'x-both': 'new', 'x-new': 'joins', 'content-length': '3', age: '0' };
    expect(headers).toMatchObject(expected);
    rig.pass(40);
    expect((await rig.get('/a')).headers).toMatchObject({ ...expected, age: '40', 'cache-status': 'oca-1;hit;ttl=10' });
    expect(rig.requests).toHaveLength(2);
  });

  it('by its weak tag as well', async () => {
    await hold({ etag: 'W/"1"' });
    then({ status: 304, headers: { etag: 'W/"1"', 'cache-control': 'max-age=50' } });
    expect((await rig.get('/a')).body.toString()).toBe('old');
    expect(rig.requests[1]?.headers['if-none-match']).toBe('W/"1"');
  });

  it('by its date, where it has no tag', async () => {
    const lastModified = 'Tue, 01 Jan 2019 00:00:00 GMT';
    await hold({ 'last-modified': lastModified });
    then({ status: 304, headers: { 'last-modified': lastModified, 'cache-control': 'max-age=50' } });
    expect((await rig.get('/a')).body.toString()).toBe('old');
    expect(rig.requests[1]?.headers['if-modified-since']).toBe(lastModified);
  });

  it('by nobody when a 304 speaks of something else: then it is asked for anew', async () => {
    await hold({ etag: '"1"' });
    rig.on('/a', ({ headers }) =>
      headers['if-none-match'] === undefined
        ? { headers: { 'cache-control': 'max-age=10', etag: '"2"' }, body: 'new' }
        : { status: 304, headers: { etag: '"2"' } },
    );
    expect((await rig.get('/a')).body.toString()).toBe('new');
    expect(rig.requests).toHaveLength(3);
  });

  it('without asking more often than there are answers, by an origin that says 304 to everything', async () => {
    await hold({ etag: '"1"', 'cache-control': 'max-age=10, must-revalidate' });
    then({ status: 304, headers: { etag: '"2"' } });
    expect((await rig.get('/a')).status).toBe(502);
    expect(rig.requests.length).toBeLessThan(6);
  });

  it('never to a 206 of another generation: its blocks are thrown away (CACHE-5, RNG-20)', async () => {
    await hold({ etag: '"1"' });
    rig.on('/a', () => (response) => {
      const fields = { date: rig.date(), 'cache-control': 'max-age=10', etag: '"2"', 'content-length': '1' };
      response.writeHead(206, { ...fields, 'content-range': 'bytes 0-0/1' });
      response.end('n');
    });
    const answer = await rig.get('/a', { range: 'bytes=0-0' });
    expect([answer.body.toString(), answer.headers.etag]).toEqual(['n', '"2"']);
  });

  it('for a HEAD, and the GET that follows is fresh (RFC 9111 section 4.3.5)', async () => {
    await hold({ etag: '"1"' });
    then({ headers: { 'cache-control': 'max-age=50', etag: '"1"', 'x-new': 'joins' }, body: 'old' });
    await rig.get('/a', {}, { method: 'HEAD' });
    const { headers, body } = await rig.get('/a');
    expect([headers['x-new'], body.toString()]).toEqual(['joins', 'old']);
    expect(rig.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
  });

  it('by a HEAD without a length, too', async () => {
    await hold({ etag: '"1"' });
    then({ headers: { 'cache-control': 'max-age=50', etag: '"1"' }, body: 'old', chunked: true });
    await rig.get('/a', {}, { method: 'HEAD' });
    expect((await rig.get('/a')).headers['cache-status']).toContain(';hit');
  });

  it('no more once a HEAD has shown another: the next GET asks', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=100', etag: '"1"' }, body: 'old' });
    await rig.get('/a');
    then({ headers: { 'cache-control': 'max-age=100' }, body: 'newer' });
    await rig.get('/a', { 'cache-control': 'no-cache' }, { method: 'HEAD' });
    expect((await rig.get('/a')).body.toString()).toBe('newer');
  });

  it.each<[string, Readonly<Record<string, string>>, number]>([
    ['a tag that is it', { 'if-none-match': '"1"' }, 304],
    ['one of several tags', { 'if-none-match': '"0", W/"1"' }, 304],
    ['any tag', { 'if-none-match': '*' }, 304],
    ['another tag', { 'if-none-match': '"0"' }, 200],
    [
      'a tag and a date that says otherwise',
      { 'if-none-match': '"0"', 'if-modified-since': 'Tue, 01 Jan 2030 00:00:00 GMT' },
      200,
    ],
    ['a date after it', { 'if-modified-since': 'Tue, 01 Jan 2019 00:00:01 GMT' }, 304],
    ['a date before it', { 'if-modified-since': 'Mon, 31 Dec 2018 23:59:59 GMT' }, 200],
    ['a date that is none', { 'if-modified-since': 'yesterday' }, 200],
    ['a condition that fails', { 'if-match': '"0"' }, 412],
  ])('by the store for a client with %s, cold and warm (RFC 9111 section 4.3.2)', async (_what, headers, status) => {
    const fields = { 'cache-control': 'max-age=10', etag: '"1"', 'last-modified': 'Tue, 01 Jan 2019 00:00:00 GMT' };
    rig.on('/a', { headers: fields, body: 'it' });
    expect((await rig.get('/a', headers)).status).toBe(status);
    expect((await rig.get('/a', headers)).status).toBe(status);
    expect(rig.requests).toHaveLength(1);
    expect(rig.requests[0]?.headers).not.toHaveProperty('if-none-match');
  });
});

describe('what goes upstream', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start();
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  const CLIENT = {
    authorization: 'Basic eA==',
    cookie: 'a=b',
    connection: 'close, x-hop',
    'cdn-loop': 'other',
    'cmcd-session': 'sid="s"',
    forwarded: 'for=192.0.2.1',
    referer: 'https://player.example/secret',
    te: 'trailers',
    via: '1.1 before',
    'x-forwarded-for': '192.0.2.1',
    'x-hop': '1',
    'x-original-url': '/other',
    'x-unknown': 'kept',
  };
  const NEVER = ['authorization', 'cookie', 'forwarded', 'referer', 'te', 'x-forwarded-for', 'x-hop'];

  it('with a shared question is what is not known, and nothing of one viewer', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=9' }, body: 'it' });
    const client = Object.fromEntries(Object.entries(CLIENT).filter(([name]) => name !== 'authorization'));
    await rig.get('/a', { ...client, range: 'bytes=0-0', 'if-none-match': '"x"' });
    const { headers = {} } = rig.requests[0] ?? {};
    expect(headers).toMatchObject({ 'x-unknown': 'kept', via: '1.1 before, 1.1 oca-1', 'cdn-loop': 'other, oca-1' });
    for (const name of [...NEVER, 'cmcd-session', 'x-original-url', 'if-none-match'])
      expect(headers[name]).toBeUndefined();
  });

  it('with a request of one client is what he sent, and not who he is', async () => {
    rig.on('/a', { headers: { 'cache-control': 'private' }, body: 'it' });
    await rig.get('/a', CLIENT);
    const { headers = {} } = rig.requests[0] ?? {};
    expect(headers).toMatchObject({ 'x-unknown': 'kept', 'x-original-url': '/other', 'cmcd-session': 'sid="s"' });
    for (const name of NEVER) expect(headers[name]).toBeUndefined();
  });

  it('comes back with all fields but those of the connection, and those that we write', async () => {
    const fields = {
      'cache-control': 'max-age=9',
      connection: 'x-hop',
      'x-hop': '1',
      'x-unknown': 'kept',
      link: '<b>; rel=next',
    };
    rig.on('/a', { headers: fields, body: 'it' });
    for (let round = 0; round < 2; round += 1) {
      const { headers } = await rig.get('/a');
      expect(headers).toMatchObject({ 'x-unknown': 'kept', link: '<b>; rel=next' });
      expect(headers['x-hop']).toBeUndefined();
    }
  });

  it('is one key for all reports of players, and others for the rest of the query (CS-11, CMCD-7, LL-2)', async () => {
    for (const path of ['/a', '/a?b=1&c=2', '/a?c=2&b=1', '/a?_HLS_msn=1']) {
      rig.on(path, { headers: { 'cache-control': 'max-age=9' }, body: path });
    }
    const get = async (path: string): Promise<string> => (await rig.get(path)).body.toString();
    expect(await get('/a?CMCD=bl%3D1&_HLS_pathway=x&_HLS_throughput=5&_DASH_pathway=%22y%22')).toBe('/a');
    expect(await get('/%61?%43MCD=2')).toBe('/a');
    expect(await get('/a?b=1&CMCD=3&c=2')).toBe('/a?b=1&c=2');
    expect(await get('/a?c=2&b=1')).toBe('/a?c=2&b=1');
    expect(await get('/a?_HLS_msn=1&_HLS_pathway=x')).toBe('/a?_HLS_msn=1');
    expect(rig.requests).toHaveLength(4);
  });
});
