import { describe, expect, it } from 'vitest';
import { type Answered, judge, type Wish } from './judge.ts';
import type { Generation } from './truth.ts';

const BYTES = Buffer.from('abcdefghij');
const NOW: Generation = {
  path: '/a',
  number: 2,
  bytes: BYTES,
  etag: '"new"',
  lastModified: undefined,
  cacheControl: 'max-age=5',
  lingersMs: 5000,
  lingersOnErrorMs: 9000,
  endMs: Number.POSITIVE_INFINITY,
};
const OLD: Generation = { ...NOW, number: 1, etag: '"old"', bytes: Buffer.from('ABCDEFGHIJ') };
const GET: Wish = { method: 'GET', path: '/a', headers: {}, leaves: false };
const asking = (headers: Record<string, string>): Wish => ({ ...GET, headers });
const answer = (status: number, body: string, headers: Record<string, string> = {}): Answered => ({
  status,
  body: Buffer.from(body),
  headers: { etag: '"new"', ...headers },
});
const part = (body: string, range: string): Answered => answer(206, body, { 'content-range': range });

describe('the judge of the model', () => {
  it.each([
    ['the whole', GET, answer(200, 'abcdefghij')],
    ['a part', asking({ range: 'bytes=2-4' }), part('cde', 'bytes 2-4/10')],
    ['a suffix', asking({ range: 'bytes=-3' }), part('hij', 'bytes 7-9/10')],
    ['no part where there is none', asking({ range: 'bytes=10-' }), answer(416, '', { 'content-range': 'bytes */10' })],
    ['nothing new', asking({ 'if-none-match': '"new"' }), answer(304, '')],
  ])('takes %s', (_what, wish, answered) => {
    expect(judge(wish, answered, [NOW], false).wrong).toBeUndefined();
  });

  it.each([
    ['bytes of another generation under its tag', GET, answer(200, 'ABCDEFGHIJ')],
    ['a spliced body', GET, answer(200, 'abcdeFGHIJ')],
    ['the old generation', GET, { ...answer(200, 'ABCDEFGHIJ'), headers: { etag: '"old"' } }],
    ['a stump', GET, answer(200, 'abc')],
    ['another range than was asked for', asking({ range: 'bytes=2-4' }), part('def', 'bytes 3-5/10')],
    ['bytes from elsewhere', asking({ range: 'bytes=2-4' }), part('def', 'bytes 2-4/10')],
    ['another length of the whole', asking({ range: 'bytes=2-4' }), part('cde', 'bytes 2-4/11')],
    [
      'a part where If-Range names another',
      asking({ range: 'bytes=2-4', 'if-range': '"old"' }),
      part('cde', 'bytes 2-4/10'),
    ],
    ['416 for what is there', asking({ range: 'bytes=2-4' }), answer(416, '', { 'content-range': 'bytes */10' })],
    ['"not modified" for another', asking({ 'if-none-match': '"old"' }), answer(304, '')],
    ['a failure though nothing fails', GET, answer(502, '')],
    ['404 for what is there', GET, answer(404, '')],
  ])('refuses %s', (_what, wish, answered) => {
    expect(judge(wish, answered, [NOW], false).wrong).toBeDefined();
  });

  it('wants all parts of a multipart answer to be of one generation', () => {
    const parts = (second: string): Answered => ({
      ...answer(
        206,
        `--x\r\nContent-Range: bytes 0-1/10\r\n\r\nab\r\n--x\r\nContent-Range: bytes 8-9/10\r\n\r\n${second}\r\n--x--\r\n`,
        { 'content-type': 'multipart/byteranges; boundary=x' },
      ),
    });
    const wish = asking({ range: 'bytes=0-1,8-9' });
    expect(judge(wish, parts('ij'), [NOW], false).wrong).toBeUndefined();
    expect(judge(wish, parts('IJ'), [NOW, OLD], false).wrong).toBeDefined();
  });
});
