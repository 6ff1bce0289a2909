import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { CachingRig, type Scripted } from './caching-rig.ts';

const FRESH = 'max-age=100';
type Fields = Readonly<Record<string, string>>;

describe('an answer that varies (CACHE-15, RFC 9111 section 4.1)', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start({ maxVariants: '4' });
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  /** Answers in the language that is asked for. */
  const speak = (more: Fields = {}, vary = 'Accept-Language'): void => {
    rig.on('/a', ({ headers }) => {
      const language = headers['accept-language'] ?? 'none';
      const etag = `"${language.toLowerCase()}"`;
      const fields = { vary, 'cache-control': FRESH, etag, ...more };
      const tags = headers['if-none-match']?.split(', ') ?? [];
      return tags.includes(etag) ? { status: 304, headers: fields } : { headers: fields, body: `in ${language}` };
    });
  };
  const get = async (headers: Fields): Promise<string> => (await rig.get('/a', headers)).body.toString();

  it('is given to those who ask alike, and stored beside the others', async () => {
    speak();
    expect(await get({ 'accept-language': 'eo' })).toBe('in eo');
    expect(await get({ 'accept-language': 'de' })).toBe('in de');
    expect(await get({ 'accept-language': 'eo' })).toBe('in eo');
    expect(await get({ 'accept-language': 'de' })).toBe('in de');
    expect(rig.requests).toHaveLength(2);
  });

  it('tells a field that is absent from one that is empty or there', async () => {
    speak();
    expect(await get({})).toBe('in none');
    expect(await get({ 'accept-language': 'eo' })).toBe('in eo');
    expect(await get({ 'accept-language': '' })).toBe('in ');
    expect(await get({})).toBe('in none');
    expect(rig.requests).toHaveLength(3);
  });

  it('is the same for requests that differ in blanks and in the case of languages only', async () => {
    speak();
    await get({ 'accept-language': 'eo, de;q=0.5' });
    expect(await get({ 'accept-language': 'EO ,de; q=0.5' })).toBe('in eo, de;q=0.5');
    expect(rig.requests).toHaveLength(1);
  });

  it('is chosen by all fields that are named, in any order and on several lines', async () => {
    rig.on('/a', ({ headers }) => ({
      headers: { vary: ['X-B, x-a', 'X-C'], 'cache-control': FRESH },
      body: [headers['x-a'], headers['x-b'], headers['x-c']].join(),
    }));
    expect(await get({ 'x-a': '1', 'x-b': '2', 'x-c': '3' })).toBe('1,2,3');
    expect(await get({ 'x-a': '1', 'x-b': '2', 'x-c': '4' })).toBe('1,2,4');
    expect(await get({ 'x-c': '3', 'x-b': '2', 'x-a': '1' })).toBe('1,2,3');
    expect(rig.requests).toHaveLength(2);
  });

  it.each(['*', 'Accept-Language, *'])('by %s is never used again', async (vary) => {
    speak({}, vary);
    await get({ 'accept-language': 'eo' });
    await get({ 'accept-language': 'eo' });
    expect(rig.requests).toHaveLength(2);
  });

  it('does not vary for us by the coding, the site and the reports of players', async () => {
    speak({}, 'Accept-Encoding, Origin, CMCD-Session');
    await get({ 'accept-encoding': 'br', origin: 'https://one.example', 'cmcd-session': 'sid="1"' });
    await get({ 'accept-encoding': 'gzip', origin: 'https://two.example', 'cmcd-session': 'sid="2"' });
    expect(rig.requests).toHaveLength(1);
    expect(rig.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity' });
    expect(rig.requests[0]?.headers.origin).toBeUndefined();
  });

  it('by a cookie is kept for those who have none, and asked for by all who have one', async () => {
    rig.on('/a', { headers: { vary: 'Cookie', 'cache-control': FRESH }, body: 'for all' });
    await get({});
    await get({});
    expect(rig.requests).toHaveLength(1);
    await get({ cookie: 'a=b' });
    await get({ cookie: 'a=b' });
    expect(rig.requests).toHaveLength(3);
    expect(rig.requests.every(({ headers }) => headers.cookie === undefined)).toBe(true);
  });

  it('never goes to somebody who waited for it and asks for another, and costs one question for each choice', async () => {
    const held: (() => void)[] = [];
    rig.on('/a', ({ headers }) => (response) => {
      const language = headers['accept-language'] ?? 'none';
      held.push(() => {
        response.writeHead(200, { vary: 'Accept-Language', 'cache-control': FRESH });
        response.end(`in ${language}`);
      });
    });
    const languages = Array.from({ length: 12 }, (_, place) => ['eo', 'de', 'fr'][place % 3] ?? '');
    const answers = languages.map((language) => get({ 'accept-language': language }));
    await until(async () => held.length === 1 && (await rig.activeRequests()) === 12);
    held[0]?.();
    await until(() => held.length === 3);
    held[1]?.();
    held[2]?.();
    expect(await Promise.all(answers)).toEqual(languages.map((language) => `in ${language}`));
    expect(rig.requests).toHaveLength(3);
  });

  it('is confirmed alone, and with the fields that it was chosen by', async () => {
    speak();
    await get({ 'accept-language': 'eo' });
    await get({ 'accept-language': 'de' });
    rig.pass(101);
    const answer = await rig.get('/a', { 'accept-language': 'eo' });
    expect(answer.headers['cache-status']).toContain('fwd=stale;fwd-status=304');
    expect(answer.body.toString()).toBe('in eo');
    const { headers } = rig.requests[2] ?? {};
    expect(headers?.['accept-language']).toBe('eo');
    // RFC 9111 section 4.3.1: the tags of all that are held of the key.
    expect(headers?.['if-none-match']?.split(', ').sort()).toEqual(['"de"', '"eo"']);
    expect((await rig.get('/a', { 'accept-language': 'de' })).headers['cache-status']).toContain('fwd=stale');
  });

  it('serves another choice when the origin says by a 304 that it is the same (sections 4.3.3 and 4.3.4)', async () => {
    rig.on('/a', ({ headers }) => {
      const fields = { vary: 'Accept-Language', 'cache-control': FRESH, etag: '"one"' };
      const isKnown = headers['if-none-match'] === '"one"';
      return isKnown ? { status: 304, headers: fields } : { headers: fields, body: 'the same for all' };
    });
    await get({ 'accept-language': 'eo' });
    const other = await rig.get('/a', { 'accept-language': 'de' });
    expect(other.body.toString()).toBe('the same for all');
    expect(other.headers['cache-status']).toContain('fwd=vary-miss;fwd-status=304');
    expect((await rig.get('/a', { 'accept-language': 'de' })).headers['cache-status']).toContain(';hit');
    expect(rig.requests).toHaveLength(2);
  });

  it('makes room for the newest, within a limit', async () => {
    speak();
    for (const language of ['a', 'b', 'c', 'd', 'e']) await get({ 'accept-language': language });
    for (const language of ['e', 'd', 'c', 'b']) await get({ 'accept-language': language });
    expect(rig.requests).toHaveLength(5);
    await get({ 'accept-language': 'a' });
    expect(rig.requests).toHaveLength(6);
  });

  it('is explained to the operator beside the others', async () => {
    speak();
    await get({ 'accept-language': 'eo' });
    await get({ 'accept-language': 'de' });
    expect(await rig.explain('/a')).toMatchObject({
      variants: [
        { selectedBy: { 'accept-language': 'de' }, sizeBytes: 5 },
        { selectedBy: { 'accept-language': 'eo' }, sizeBytes: 5 },
      ],
    });
  });

  it('is gone with all others after a purge of its path', async () => {
    speak();
    await get({ 'accept-language': 'eo' });
    await get({ 'accept-language': 'de' });
    await rig.purge('/a');
    await get({ 'accept-language': 'eo' });
    await get({ 'accept-language': 'de' });
    expect(rig.requests).toHaveLength(4);
    expect(rig.requests[2]?.headers['if-none-match']).toBeUndefined();
  });

  it('gives way to an answer for everybody, and takes its place again', async () => {
    speak();
    await get({ 'accept-language': 'eo' });
    rig.pass(101);
    rig.on('/a', { headers: { 'cache-control': FRESH }, body: 'for all' });
    expect(await get({ 'accept-language': 'eo' })).toBe('for all');
    expect(await get({ 'accept-language': 'de' })).toBe('for all');
    expect(rig.requests).toHaveLength(2);
    rig.pass(101);
    speak();
    expect(await get({ 'accept-language': 'de' })).toBe('in de');
    expect(await get({ 'accept-language': 'eo' })).toBe('in eo');
  });

  it('is filled on, block by block, with the fields that it was chosen by', async () => {
    const film: Record<string, Buffer> = { eo: Buffer.alloc(3 * 2 ** 20, 'e'), de: Buffer.alloc(3 * 2 ** 20, 'd') };
    rig.on('/a', ({ headers }) => (response) => {
      const bytes = film[headers['accept-language'] ?? ''] ?? Buffer.alloc(0);
      const [first = 0, last = bytes.length - 1] = headers.range?.match(/\d+/g)?.map(Number) ?? [];
      const end = Math.min(last, bytes.length - 1);
      response.writeHead(206, {
        date: rig.date(),
        vary: 'Accept-Language',
        'cache-control': FRESH,
        etag: `"${headers['accept-language']}"`,
        'content-range': `bytes ${first}-${end}/${bytes.length}`,
        'content-length': String(end - first + 1),
      });
      response.end(bytes.subarray(first, end + 1));
    });
    for (const language of ['eo', 'de', 'eo', 'de']) {
      for (const range of ['bytes=0-9', `bytes=${2 ** 21}-${2 ** 21 + 9}`]) {
        expect(await get({ 'accept-language': language, range })).toBe((language[0] ?? '').repeat(10));
      }
    }
    expect(rig.requests).toHaveLength(4);
    expect(rig.requests.map(({ headers }) => headers['accept-language'])).toEqual(['eo', 'eo', 'de', 'de']);
  });
});

it('variants are found again after a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'oca-vary-'));
  const script = (language: string | undefined): Scripted => ({
    headers: { vary: 'Accept-Language', 'cache-control': FRESH },
    body: `in ${language}`,
  });
  const first = await CachingRig.start({}, dir);
  first.on('/a', ({ headers }) => script(headers['accept-language']));
  for (const language of ['eo', 'de']) await first.get('/a', { 'accept-language': language });
  await first.stopInOrder();
  const second = await CachingRig.start({}, dir);
  try {
    for (const language of ['eo', 'de']) {
      const answer = await second.get('/a', { 'accept-language': language });
      expect(answer.body.toString()).toBe(`in ${language}`);
    }
    expect(second.requests).toHaveLength(0);
  } finally {
    await second.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
