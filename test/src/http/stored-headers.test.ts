import { describe, expect, test } from 'vitest';
import { freshenedHeaders, freshens, storableHeaders } from '../../../src/http/stored-headers.ts';

const validators = { etag: '"v1"', lastModifiedMs: 5000, dateMs: 60_000 };
const bare = { etag: undefined, lastModifiedMs: undefined, dateMs: 60_000 };

test('fields of the connection, named by it or by the standard, are not stored; unknown fields are', () => {
  expect(
    storableHeaders({
      connection: 'close, X-Hop',
      'x-hop': '1',
      'transfer-encoding': 'chunked',
      'proxy-authenticate': 'Basic',
      'x-new': '2',
      'content-type': 'video/mp4',
    }),
  ).toEqual({ 'x-new': '2', 'content-type': 'video/mp4' });
});

test('CACHE-6: a 304 replaces and adds fields, but never the length, range or connection', () => {
  const stored = { 'cache-control': 'max-age=1', 'content-length': '1000', 'x-old': '1', date: 'then' };
  const notModified = {
    'cache-control': 'max-age=60',
    'content-length': '0',
    'content-range': 'bytes 0-0/1',
    connection: 'close',
    date: 'now',
    expires: 'later',
  };
  expect(freshenedHeaders(stored, notModified)).toEqual({
    'cache-control': 'max-age=60',
    'content-length': '1000',
    'x-old': '1',
    date: 'now',
    expires: 'later',
  });
});

describe('CACHE-6: a 304 renews', () => {
  test('the response with its strong tag, and no other', () => {
    expect(freshens(validators, validators)).toBe(true);
    expect(freshens({ ...validators, etag: '"v2"' }, validators)).toBe(false);
    expect(freshens(validators, bare)).toBe(false);
    expect(freshens(validators, { ...validators, etag: 'W/"v1"' })).toBe(false);
  });

  test('by a weak tag the response with the same text', () => {
    expect(freshens({ ...validators, etag: 'W/"v1"' }, { ...validators, etag: 'W/"v1"' })).toBe(true);
    expect(freshens({ ...validators, etag: 'W/"v1"' }, { ...validators, etag: 'W/"v2"' })).toBe(false);
    expect(freshens({ ...validators, etag: 'W/"v1"' }, bare)).toBe(false);
  });

  test('by Last-Modified alone the response with the same', () => {
    expect(freshens({ ...bare, lastModifiedMs: 5000 }, { ...validators, etag: undefined })).toBe(true);
    expect(freshens({ ...bare, lastModifiedMs: 5000 }, validators)).toBe(true);
    expect(freshens({ ...bare, lastModifiedMs: 6000 }, validators)).toBe(false);
  });

  test('without validators only a response that has none', () => {
    expect(freshens(bare, bare)).toBe(true);
    expect(freshens(bare, validators)).toBe(false);
  });
});
