import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../appliance/support/appliance-rig.ts';
import { patterned } from '../appliance/support/gated-origin.ts';
import { ask } from '../appliance/support/http-client.ts';
import { talk } from '../appliance/support/raw-client.ts';
import { NginxOrigin } from '../cluster/support/nginx-origin.ts';

const SIZE = 1000;
const BYTES = patterned(SIZE);
const many = (count: number, member: (index: number) => string): string =>
  `bytes=${Array.from({ length: count }, (_, index) => member(index)).join(',')}`;

/** `whole`, `none` (416), or the parts that come, as [first, last]. */
type Expected = 'whole' | 'none' | readonly (readonly [first: number, last: number])[];

/** By the numbers of RFC 9110 section 14; where it leaves a choice, ours is told in byte-range.ts. */
const OURS: readonly (readonly [rule: string, range: string, expected: Expected])[] = [
  ['RNG-5 backwards', 'bytes=5-4', 'whole'],
  ['RNG-5 letters', 'bytes=a-b', 'whole'],
  ['RNG-5 nothing', 'bytes=', 'whole'],
  ['RNG-5 a dash', 'bytes=-', 'whole'],
  ['RNG-5 an exponent', 'bytes=1e3-', 'whole'],
  ['RNG-5 a sign', 'bytes=+1-2', 'whole'],
  ['RNG-5 a second dash', 'bytes=1-2-3', 'whole'],
  ['RNG-5 one bad member among good ones', 'bytes=0-1,5-4', 'whole'],
  ['RNG-3 a suffix of nothing', 'bytes=-0', 'none'],
  ['RNG-8 empty list elements', 'bytes=,0-4, ,', [[0, 4]]],
  [
    'RNG-9 in the order of the request',
    'bytes=900-909,0-9',
    [
      [900, 909],
      [0, 9],
    ],
  ],
  ['RNG-10 overlapping ones are joined', 'bytes=0-99,50-149', [[0, 149]]],
  ['RNG-10 near ones are joined', 'bytes=0-9,20-29', [[0, 29]]],
  ['RNG-11 what cannot be had is left out', 'bytes=0-9,5000-', [[0, 9]]],
  ['RNG-11 none can be had', 'bytes=5000-,6000-', 'none'],
  ['RNG-12 sixteen', many(16, (index) => `${index * 60}-${index * 60 + 1}`), [[0, 901]]],
  ['RNG-12 seventeen', many(17, (index) => `${index * 50}-${index * 50}`), 'whole'],
  ['RNG-12 three overlapping', 'bytes=0-,0-,0-', 'whole'],
  ['RNG-12 many small out of order', 'bytes=800-801,600-601,400-401,200-201,0-1', 'whole'],
  ['RNG-12 8 KiB of members', many(1600, () => '0-0'), 'whole'],
  ['RNG-12 8 KiB of commas', `bytes=${','.repeat(8000)}`, 'whole'],
  ['RNG-12 8 KiB of digits', `bytes=0-${'9'.repeat(8000)}`, [[0, 999]]],
];

/** Where the RFC leaves one answer, and nginx gives it. */
const EVERYBODYS: readonly (readonly [rule: string, range: string, expected: Expected])[] = [
  ['RNG-1', 'bytes=0-499', [[0, 499]]],
  ['RNG-1 one byte', 'bytes=999-999', [[999, 999]]],
  ['RNG-2 open', 'bytes=500-', [[500, 999]]],
  ['RNG-2 beyond the end', 'bytes=500-1000', [[500, 999]]],
  ['RNG-3 suffix', 'bytes=-500', [[500, 999]]],
  ['RNG-3 longer suffix than the file', 'bytes=-5000', [[0, 999]]],
  ['RNG-4', 'bytes=1000-', 'none'],
  ['RNG-6 another unit', 'items=0-5', 'whole'],
  ['RNG-6 case of the unit', 'BYTES=0-1', [[0, 1]]],
  [
    'RNG-9 two',
    'bytes=0-9,990-999',
    [
      [0, 9],
      [990, 999],
    ],
  ],
];

interface Got {
  readonly status: number;
  readonly contentRange: string | undefined;
  readonly acceptRanges: string | undefined;
  readonly parts: Expected;
}

async function get(url: string, headers: Readonly<Record<string, string>>, method = 'GET'): Promise<Got> {
  const answer = await ask(url, { method, headers });
  const { 'content-range': contentRange, 'content-type': type = '', 'accept-ranges': acceptRanges } = answer.headers;
  const { status, body } = answer;
  const got = { status, contentRange, acceptRanges };
  if (status === 416) return { ...got, parts: 'none' };
  if (status === 200) {
    expect(method === 'HEAD' || body.equals(BYTES)).toBe(true);
    return { ...got, parts: 'whole' };
  }
  const boundary = /^multipart\/byteranges; ?boundary=(\S+)$/.exec(type)?.[1];
  const texts = boundary === undefined ? undefined : body.toString('latin1').split(`--${boundary}`).slice(1, -1);
  const ranges = (texts ?? [`Content-Range: ${contentRange ?? ''}\r\n\r\n${body.toString('latin1')}\r\n`]).map(
    (text) => {
      const [head = ''] = text.split('\r\n\r\n', 1);
      const [, first, last] = /Content-Range: bytes (\d+)-(\d+)\/1000$/im.exec(head) ?? [];
      const content = Buffer.from(text.slice(head.length + 4, -2), 'latin1');
      expect(content.equals(BYTES.subarray(Number(first), Number(last) + 1))).toBe(true);
      return [Number(first), Number(last)] as const;
    },
  );
  return { ...got, parts: ranges };
}

const statusOf = (expected: Expected): number => (expected === 'whole' ? 200 : expected === 'none' ? 416 : 206);

describe('ranges over the wire', () => {
  let rig: ApplianceRig;

  beforeAll(async () => {
    rig = await startAppliance();
    const headers = { 'cache-control': 'max-age=600', 'last-modified': 'Tue, 01 Jan 2030 00:00:00 GMT' };
    for (const path of ['/file', '/empty']) {
      rig.origin.files.set(path, { bytes: path === '/file' ? BYTES : Buffer.alloc(0), etag: '"v1"', headers });
    }
    await ask(`${rig.url}/file`);
  });

  afterAll(() => rig.stop());

  it.each([...OURS, ...EVERYBODYS])('%s: %.60s', async (_, range, expected) => {
    const got = await get(`${rig.url}/file`, { range });
    expect(got).toMatchObject({ status: statusOf(expected), parts: expected, acceptRanges: 'bytes' });
    if (expected === 'none') expect(got.contentRange).toBe('bytes */1000');
    if (Array.isArray(expected) && expected.length > 1) expect(got.contentRange).toBeUndefined();
    expect(rig.origin.asked('/file')).toHaveLength(1);
  });

  it('RNG-5 two Range lines have two readings, and are ignored', async () => {
    const lines = 'Host: a\r\nRange: bytes=0-0\r\nRange: bytes=5-9\r\nConnection: close\r\n\r\n';
    const { statuses, text } = await talk(rig.url, `GET /file HTTP/1.1\r\n${lines}`);
    expect(statuses).toEqual([200]);
    expect(text.endsWith(BYTES.toString('latin1'))).toBe(true);
  });

  it('RNG-7 a Range of HEAD is ignored', async () => {
    expect(await get(`${rig.url}/file`, { range: 'bytes=0-0' }, 'HEAD')).toMatchObject({ status: 200 });
  });

  it.each([
    ['RNG-14 the strong tag', { 'if-range': '"v1"' }, 206],
    ['RNG-14 a weak tag', { 'if-range': 'W/"v1"' }, 200],
    ['RNG-14 another tag', { 'if-range': '"v2"' }, 200],
    ['RNG-14 an older date', { 'if-range': 'Tue, 01 Jan 2019 00:00:00 GMT' }, 200],
    ['RNG-15 the client has it', { 'if-none-match': '"v1"', 'if-range': '"v1"' }, 304],
    ['RNG-15 the client has another', { 'if-none-match': '"v2"' }, 206],
    ['RNG-15 a precondition that fails', { 'if-match': '"v2"' }, 412],
  ])('%s', async (_, headers, status) => {
    expect((await ask(`${rig.url}/file`, { headers: { range: 'bytes=0-9', ...headers } })).status).toBe(status);
  });

  it('RNG-16 of an empty file, everything from 0 on cannot be had, and the last byte is the whole', async () => {
    await ask(`${rig.url}/empty`);
    expect((await ask(`${rig.url}/empty`, { headers: { range: 'bytes=0-' } })).status).toBe(416);
    expect((await ask(`${rig.url}/empty`, { headers: { range: 'bytes=-1' } })).status).toBe(200);
  });

  it('RNG-13 a part says what the whole says', async () => {
    const { headers } = await ask(`${rig.url}/file`, { headers: { range: 'bytes=0-9' } });
    expect(headers).toMatchObject({ etag: '"v1"', 'cache-control': 'max-age=600', 'content-length': '10' });
    expect(headers.date).toBeDefined();
  });
});

describe('nginx says the same', () => {
  let nginx: NginxOrigin;

  beforeAll(async () => {
    nginx = await NginxOrigin.start();
    nginx.put('file', BYTES);
  });

  afterAll(() => nginx.stop());

  it.each(EVERYBODYS)('to %s: %s', async (_, range, expected) => {
    expect(await get(`${nginx.url}/file`, { range })).toMatchObject({ status: statusOf(expected), parts: expected });
  });
});
