import { describe, expect, it } from 'vitest';
import { type AskedBody, placeBody } from '../../../../appliance/fill/run/place-body.ts';
import { isOperational } from '../../../../src/errors/operational-error.ts';

const SIZE = 3_000_000;
const description = {
  key: '/film.mp4',
  sizeBytes: SIZE,
  etag: '"v1"',
  headers: { etag: '"v1"', 'content-type': 'video/mp4' },
  confirmedAtMs: 0,
  initialAgeMs: 0,
  freshnessMs: 0,
  staleIfErrorMs: 0,
};
const part = {
  etag: '"v1"',
  'content-type': 'video/mp4',
  'content-range': `bytes 1000-1999/${SIZE}`,
  'content-length': '1000',
};
const whole = { etag: '"v1"', 'content-length': String(SIZE) };

/** The place as text, or the code of the refusal. */
function placed(changes: Partial<AskedBody>): string {
  const source = { kind: 'origin' as const, id: 'origin' };
  try {
    const { startByte, endByte } = placeBody({
      status: 206,
      headers: part,
      description,
      isPlanned: false,
      first: 1000,
      source,
      takesWhole: true,
      ...changes,
    });
    return `${startByte}-${endByte}`;
  } catch (error) {
    if (isOperational(error)) return error.code;
    throw error;
  }
}

const origin = { kind: 'origin' as const, id: 'origin' };
const peer = { kind: 'peer' as const, id: 'oca-2' };
const tier = { kind: 'tier' as const, id: 'oca-9' };

describe('the body of an answer to a range of a file on demand', () => {
  it.each<[string, Partial<AskedBody>, string]>([
    ['the very part', {}, '1000-2000'],
    [
      'a shorter part',
      { headers: { ...part, 'content-range': `bytes 1000-1499/${SIZE}`, 'content-length': '500' } },
      '1000-1500',
    ],
    ['a part without a length', { headers: { etag: '"v1"', 'content-range': part['content-range'] } }, '1000-2000'],
    ['a part from elsewhere', { headers: { ...part, 'content-range': `bytes 0-999/${SIZE}` } }, 'SOURCE_PROTOCOL'],
    ['a part that is shorter than it says', { headers: { ...part, 'content-length': '999' } }, 'SOURCE_PROTOCOL'],
    ['a part that is longer than it says', { headers: { ...part, 'content-length': '1001' } }, 'SOURCE_PROTOCOL'],
    ['a part that says nothing of its place', { headers: { etag: '"v1"' } }, 'SOURCE_PROTOCOL'],
    ['a part of unknown size', { headers: { ...part, 'content-range': 'bytes 1000-1999/*' } }, 'SOURCE_PROTOCOL'],
    [
      'a part with an impossible place',
      { headers: { ...part, 'content-range': `bytes 1999-1000/${SIZE}` } },
      'SOURCE_PROTOCOL',
    ],
    ['parts', { headers: { etag: '"v1"', 'content-type': 'multipart/byteranges; boundary=x' } }, 'SOURCE_PROTOCOL'],
    [
      'parts that say one place',
      { headers: { ...part, 'content-type': 'Multipart/ByteRanges; boundary=x' } },
      'SOURCE_PROTOCOL',
    ],
    ['a part of another size', { headers: { ...part, 'content-range': 'bytes 1000-1999/4000000' } }, 'SOURCE_CHANGED'],
    ['a part with another tag', { headers: { ...part, etag: '"v2"' } }, 'SOURCE_CHANGED'],
    ['a part with a weak tag', { headers: { ...part, etag: 'W/"v1"' } }, 'SOURCE_CHANGED'],
    ['a part without a tag', { headers: { 'content-range': part['content-range'] } }, 'SOURCE_CHANGED'],
    ['a part that is coded', { headers: { ...part, 'content-encoding': 'gzip' } }, 'SOURCE_PROTOCOL'],
    ['a part that says identity', { headers: { ...part, 'content-encoding': 'identity' } }, '1000-2000'],
    ['the whole of the same generation', { status: 200, headers: whole }, `0-${SIZE}`],
    ['the whole where parts are needed', { status: 200, headers: whole, takesWhole: false }, 'SOURCE_PROTOCOL'],
    ['the whole with another tag', { status: 200, headers: { ...whole, etag: '"v2"' } }, 'SOURCE_CHANGED'],
    ['the whole of another size', { status: 200, headers: { ...whole, 'content-length': '5' } }, 'SOURCE_CHANGED'],
    ['a coded whole', { status: 200, headers: { ...whole, 'content-encoding': 'br' } }, 'SOURCE_PROTOCOL'],
    ['nothing there', { status: 404, headers: {} }, 'SOURCE_CHANGED'],
    ['nothing so far', { status: 416, headers: {} }, 'SOURCE_CHANGED'],
    ['a failure', { status: 500, headers: {} }, 'SOURCE_STATUS'],
    ['a gateway that waited in vain', { status: 504, headers: {} }, 'SOURCE_STATUS'],
    ['a 304 that nobody asked for', { status: 304, headers: { etag: '"v1"' } }, 'SOURCE_STATUS'],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, 'SOURCE_STATUS'],
  ])('that is %s', (_what, changes, expected) => {
    expect(placed({ source: origin, ...changes })).toBe(expected);
  });

  it.each([peer, tier])('from $kind can tell nobody that the file has changed: it lacks this generation', (source) => {
    expect(placed({ source })).toBe('1000-2000');
    expect(placed({ source, headers: { ...part, etag: '"v2"' } })).toBe('SOURCE_LACKS');
    expect(placed({ source, headers: { ...part, 'content-range': 'bytes 1000-1999/9' } })).not.toBe('SOURCE_CHANGED');
    expect(placed({ source, status: 404, headers: {} })).toBe('SOURCE_LACKS');
    expect(placed({ source, status: 504, headers: {} })).toBe('SOURCE_LACKS');
  });

  it('of a planned file needs no tag: its blocks are checked', () => {
    const planned = { isPlanned: true, headers: { 'content-range': part['content-range'] } };
    expect(placed(planned)).toBe('1000-2000');
    expect(placed({ ...planned, headers: { 'content-range': 'bytes 1000-1999/4000000' } })).toBe('SOURCE_PROTOCOL');
    expect(placed({ ...planned, status: 200, headers: { 'content-length': '7' } })).toBe('SOURCE_PROTOCOL');
    expect(placed({ ...planned, status: 404, headers: {} })).toBe('SOURCE_STATUS');
  });
});
