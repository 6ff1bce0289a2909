import { describe, expect, it } from 'vitest';
import { type Answer, type AnswerInput, chooseAnswer } from '../../../appliance/delivery/choose-answer.ts';
import { parseRangeHeader } from '../../../src/http/byte-range.ts';

const MODIFIED = 'Tue, 01 Jan 2030 00:00:00 GMT';
const DATE = 'Tue, 01 Jan 2030 06:00:00 GMT';
const HEADERS = {
  'content-type': 'video/mp4',
  'cache-control': 'max-age=60',
  'last-modified': MODIFIED,
  date: DATE,
  expires: DATE,
  vary: 'Accept-Encoding',
  'content-location': '/other',
  'x-from-origin': 'yes',
  etag: 'W/"of the origin"',
};
const NO_CONDITIONS = {
  ifRange: undefined,
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifUnmodifiedSince: undefined,
};

function choose(
  range: string | undefined,
  more: Partial<Omit<AnswerInput, 'conditions'>> & { conditions?: Partial<AnswerInput['conditions']> } = {},
): Answer {
  return chooseAnswer({
    method: 'GET',
    ranges: range === undefined ? 'ignore' : parseRangeHeader(range),
    sizeBytes: 1000,
    headers: HEADERS,
    validators: { etag: '"tag"', lastModifiedMs: Date.parse(MODIFIED), dateMs: Date.parse(DATE) },
    ageMs: 12_345,
    cacheStatus: 'oca-1;hit',
    boundary: 'b'.repeat(36),
    ...more,
    conditions: { ...NO_CONDITIONS, ...more.conditions },
  });
}

const shape = ({ status, headers, body }: Answer): unknown[] => [
  status,
  headers['Content-Range'],
  headers['Content-Length'],
  body.kind === 'range' ? [body.range.first, body.range.last] : body.kind,
];

describe('the answer to a range of 1000 bytes', () => {
  it.each([
    ['bytes=0-499', [206, 'bytes 0-499/1000', '500', [0, 499]]],
    ['bytes=500-', [206, 'bytes 500-999/1000', '500', [500, 999]]],
    ['bytes=500-99999999999999999999', [206, 'bytes 500-999/1000', '500', [500, 999]]],
    ['bytes=-500', [206, 'bytes 500-999/1000', '500', [500, 999]]],
    ['bytes=-5000', [206, 'bytes 0-999/1000', '1000', [0, 999]]],
    ['bytes=-0', [416, 'bytes */1000', '0', 'none']],
    ['bytes=1000-', [416, 'bytes */1000', '0', 'none']],
    ['bytes=5-4', [200, undefined, '1000', [0, 999]]],
    ['bytes=a-b', [200, undefined, '1000', [0, 999]]],
    ['bytes=', [200, undefined, '1000', [0, 999]]],
    ['bytes=-', [200, undefined, '1000', [0, 999]]],
    ['items=0-5', [200, undefined, '1000', [0, 999]]],
    ['BYTES=0-1', [206, 'bytes 0-1/1000', '2', [0, 1]]],
    ['bytes= , 0-1 ,', [206, 'bytes 0-1/1000', '2', [0, 1]]],
    ['bytes=0-9,50-59', [206, 'bytes 0-59/1000', '60', [0, 59]]],
    ['bytes=5000-,0-9', [206, 'bytes 0-9/1000', '10', [0, 9]]],
    [`bytes=${'0-0,'.repeat(17)}`, [200, undefined, '1000', [0, 999]]],
  ])('%s', (range, expected) => {
    expect(shape(choose(range))).toEqual(expected);
  });

  it('in several parts has no Content-Range of its own, keeps the order asked for and knows its exact length', () => {
    const answer = choose('bytes=990-999,0-9');
    expect(answer.status).toBe(206);
    expect(answer.headers['Content-Range']).toBeUndefined();
    expect(answer.headers['content-type']).toBe(`multipart/byteranges; boundary=${'b'.repeat(36)}`);
    if (answer.body.kind !== 'multipart') throw new Error('not multipart');
    const { framing } = answer.body;
    expect(framing.parts.map(({ range }) => range.first)).toEqual([990, 0]);
    const sent = framing.parts.reduce((sum, { head, range }) => sum + head.length + range.last - range.first + 1, 0);
    expect(answer.headers['Content-Length']).toBe(String(sent + framing.tail.length));
  });

  it('is the whole for HEAD, without a body', () => {
    expect(shape(choose('bytes=0-9', { method: 'HEAD' }))).toEqual([200, undefined, '1000', 'none']);
  });

  it.each([
    ['"tag"', 206],
    ['"other"', 200],
    ['W/"tag"', 200],
    [MODIFIED, 206],
    ['Tue, 01 Jan 2030 00:00:01 GMT', 200],
  ])('is ruled by If-Range: %s', (ifRange, status) => {
    expect(choose('bytes=0-9', { conditions: { ifRange } }).status).toBe(status);
  });

  it('ignores If-Range where there is no Range', () => {
    expect(choose(undefined, { conditions: { ifRange: '"other"' } }).status).toBe(200);
  });

  it('leaves out, after If-Range, what the client has from before', () => {
    const { headers } = choose('bytes=0-9', { conditions: { ifRange: '"tag"' } });
    expect(headers['last-modified']).toBeUndefined();
    expect(headers['x-from-origin']).toBeUndefined();
    expect(headers['content-type']).toBe('video/mp4');
    expect(headers['cache-control']).toBe('max-age=60');
  });

  it('carries what the 200 would', () => {
    const whole = choose(undefined).headers;
    const part = choose('bytes=0-9').headers;
    for (const name of Object.keys(HEADERS).filter((name) => name !== 'etag')) expect(part[name]).toBe(whole[name]);
    expect(part['ETag']).toBe('"tag"');
  });
});

describe('the answer to a condition', () => {
  it.each([
    ['If-None-Match that matches', { ifNoneMatch: '"x", W/"tag"' }, 304],
    ['If-None-Match that does not', { ifNoneMatch: '"x"' }, 206],
    ['If-None-Match beside If-Modified-Since', { ifNoneMatch: '"x"', ifModifiedSince: DATE }, 206],
    ['If-Modified-Since later than the object', { ifModifiedSince: DATE }, 304],
    ['If-Match that fails', { ifMatch: '"x"' }, 412],
    ['If-Match that fails beside If-None-Match that matches', { ifMatch: '"x"', ifNoneMatch: '"tag"' }, 412],
    ['If-Unmodified-Since before the object', { ifUnmodifiedSince: 'Mon, 31 Dec 2029 00:00:00 GMT' }, 412],
    ['If-None-Match that matches beside If-Range', { ifNoneMatch: '"tag"', ifRange: '"tag"' }, 304],
  ])('%s comes before Range', (_what, conditions, status) => {
    expect(choose('bytes=0-9', { conditions }).status).toBe(status);
  });

  it('304 has the fields that renew a copy and none that describe a body', () => {
    const { headers, body } = choose(undefined, { conditions: { ifNoneMatch: '"tag"' } });
    expect(Object.keys(headers).sort()).toEqual([
      'Accept-Ranges',
      'Access-Control-Allow-Origin',
      'Access-Control-Expose-Headers',
      'Age',
      'Cache-Status',
      'ETag',
      'Timing-Allow-Origin',
      'cache-control',
      'content-location',
      'date',
      'expires',
      'vary',
    ]);
    expect(body.kind).toBe('none');
  });
});

describe('every answer', () => {
  it.each([
    ['200', choose(undefined)],
    ['206', choose('bytes=0-9')],
    ['304', choose(undefined, { conditions: { ifNoneMatch: '*' } })],
    ['412', choose(undefined, { conditions: { ifMatch: '"x"' } })],
    ['416', choose('bytes=1000-')],
  ])('%s can be read by players on other sites and says where it came from', (_status, { headers }) => {
    expect(headers['Access-Control-Allow-Origin']).toBe('*');
    expect(headers['Timing-Allow-Origin']).toBe('*');
    expect(headers['Cache-Status']).toBe('oca-1;hit');
    expect(headers['Age']).toBe('12');
    expect(headers['Accept-Ranges']).toBe('bytes');
    expect(headers['ETag']).toBe('"tag"');
  });

  it('puts our part of Cache-Status behind what upstream said', () => {
    const { headers } = choose(undefined, { headers: { 'cache-status': 'tier-1;hit;ttl=5' } });
    expect(headers['Cache-Status']).toBe('tier-1;hit;ttl=5, oca-1;hit');
    expect(headers['cache-status']).toBeUndefined();
  });
});

describe('an empty object', () => {
  it.each([
    [undefined, [200, undefined, '0', 'none']],
    ['bytes=0-', [416, 'bytes */0', '0', 'none']],
    ['bytes=-1', [200, undefined, '0', 'none']],
  ])('%s', (range, expected) => {
    expect(shape(choose(range, { sizeBytes: 0 }))).toEqual(expected);
  });
});
