import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../appliance/support/appliance-rig.ts';
import { patterned } from '../appliance/support/gated-origin.ts';
import { talk } from '../appliance/support/raw-client.ts';

/** Behind each of them on its connection, to be seen at the origin if somebody takes it for a request. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const NAMED = 'Host: a\r\n';
const BYTES = patterned(1000);

type Vector = readonly [what: string, text: string, statuses?: readonly number[]];

const get = (lines: string): string => `GET /film HTTP/1.1\r\n${NAMED}${lines}\r\n`;
const post = (lines: string): string => `POST /film HTTP/1.1\r\n${NAMED}${lines}\r\n`;
const many = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** Each is refused by RFC 9110 or 9112, or by a choice of ours that check-head tells; 400 where nothing is said. */
const REFUSED: readonly Vector[] = [
  // The request line: RFC 9112 section 3.
  ['no version', 'GET /film\r\n\r\n', [400, 505]],
  ['HTTP/0.9', `GET /film HTTP/0.9\r\n${NAMED}\r\n`, [400, 505]],
  ['HTTP/2.0 in a request line', `GET /film HTTP/2.0\r\n${NAMED}\r\n`, [400, 505]],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 405, 505]],
  ['a version that is none', `GET /film HTTP/1.x\r\n${NAMED}\r\n`],
  ['a version in lower case', `GET /film http/1.1\r\n${NAMED}\r\n`],
  ['a version with more digits', `GET /film HTTP/1.10\r\n${NAMED}\r\n`],
  ['another protocol', `GET /film SIP/2.0\r\n${NAMED}\r\n`],
  ['a blank in the target', `GET /fi lm HTTP/1.1\r\n${NAMED}\r\n`],
  ['a tab between the words', `GET\t/film\tHTTP/1.1\r\n${NAMED}\r\n`],
  ['a blank before the method', ` GET /film HTTP/1.1\r\n${NAMED}\r\n`],
  ['words behind the version', `GET /film HTTP/1.1 more\r\n${NAMED}\r\n`],
  ['a method in lower case', `get /film HTTP/1.1\r\n${NAMED}\r\n`],
  ['a method that is unknown', `FETCH /film HTTP/1.1\r\n${NAMED}\r\n`, [400, 501]],
  ['a method with a colon', `GE:T /film HTTP/1.1\r\n${NAMED}\r\n`],
  ['no target', `GET HTTP/1.1\r\n${NAMED}\r\n`],
  ['a target without a slash', `GET film HTTP/1.1\r\n${NAMED}\r\n`],
  ['NUL in the target', `GET /fi\0lm HTTP/1.1\r\n${NAMED}\r\n`],
  ['a bare LF behind the request line', `GET /film HTTP/1.1\n${NAMED}\r\n`],
  ['a bare CR in the request line', `GET /film\rx HTTP/1.1\r\n${NAMED}\r\n`],
  // Fields: RFC 9112 section 5, RFC 9110 section 5.5.
  ['a blank before the colon', get('X : y\r\n')],
  ['a tab before the colon', get('X\t: y\r\n')],
  ['a blank before the colon of a length', post('Content-Length : 5\r\n')],
  ['a line without a colon', get('X\r\n')],
  ['a line without a name', get(': y\r\n')],
  ['a folded line', get('X: y\r\n z\r\n')],
  ['a folded line, with a tab', get('X: y\r\n\tz\r\n')],
  ['a first line that is folded', `GET /film HTTP/1.1\r\n X: y\r\n${NAMED}\r\n`],
  ['NUL in a value', get('X: a\0b\r\n')],
  ['a bare CR in a value', get('X: a\rb\r\n')],
  ['a bare CR before the end of a value', get('X: a\r\r\n')],
  ['a bare LF behind a field', get('X: y\nY: z\r\n')],
  ['a control character in a value', get('X: a\u0001b\r\n')],
  ['DEL in a value', get('X: a\u007fb\r\n')],
  ['a separator in a name', get('X(y): z\r\n')],
  ['a letter beyond ASCII in a name', get('X\u00e4: z\r\n')],
  ['NUL in a name', get('X\0: z\r\n')],
  ['a head that ends in bare LFs', `GET /film HTTP/1.1\r\n${NAMED}\n`],
  ['a head that is too large', get(`X: ${'y'.repeat(20_000)}\r\n`), [431]],
  ['too many fields', get(many(120, (index) => `X-${index}: y\r\n`)), [431]],
  ['too many equal fields', get(many(120, () => 'X: y\r\n')), [431]],
  // Host: RFC 9112 section 3.2.
  ['no Host', 'GET /film HTTP/1.1\r\n\r\n'],
  ['two Hosts', 'GET /film HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['the same Host twice', 'GET /film HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
  ['two Hosts in HTTP/1.0', 'GET /film HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['Hosts that differ in case of name', 'GET /film HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n'],
  ['an empty Host', 'GET /film HTTP/1.1\r\nHost:\r\n\r\n'],
  ['a Host with a path', 'GET /film HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['a Host with a blank', 'GET /film HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a list of Hosts', 'GET /film HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['a Host with a user', 'GET /film HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a Host with a port that is none', 'GET /film HTTP/1.1\r\nHost: a:b\r\n\r\n'],
  ['a Host that is only a port', 'GET /film HTTP/1.1\r\nHost: :80\r\n\r\n'],
  ['a Host with half a bracket', 'GET /film HTTP/1.1\r\nHost: [::1\r\n\r\n'],
  ['a Host with a bad escape', 'GET /film HTTP/1.1\r\nHost: a%2\r\n\r\n'],
  ['a Host beyond ASCII', 'GET /film HTTP/1.1\r\nHost: \u00e4\r\n\r\n'],
  ['a Host in absolute form, and none in its field', 'GET http://a/film HTTP/1.1\r\n\r\n'],
  // Length and coding: RFC 9112 section 6.
  ['length and chunks', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n')],
  ['chunks and length', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n')],
  ['two lengths', post('Content-Length: 4\r\nContent-Length: 5\r\n')],
  ['the same length twice', post('Content-Length: 4\r\nContent-Length: 4\r\n')],
  ['a list of lengths', post('Content-Length: 4, 4\r\n')],
  ['a negative length', post('Content-Length: -4\r\n')],
  ['a length with a plus', post('Content-Length: +4\r\n')],
  ['a hexadecimal length', post('Content-Length: 0x4\r\n')],
  ['a broken length', post('Content-Length: 4.0\r\n')],
  ['a length with a blank inside', post('Content-Length: 4 4\r\n')],
  ['an empty length', post('Content-Length: \r\n')],
  ['a length beyond all numbers', post('Content-Length: 99999999999999999999999\r\n')],
  ['a length of one more than 2^64', post('Content-Length: 18446744073709551617\r\n')],
  ['a coding that does not end in chunked', post('Transfer-Encoding: gzip\r\n')],
  ['chunked, and then another coding', post('Transfer-Encoding: chunked, gzip\r\n')],
  [
    'chunked, and then another coding in a field of its own',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n'),
  ],
  ['chunked with something stuck to it', post('Transfer-Encoding: xchunked\r\n')],
  ['chunked in quotes', post('Transfer-Encoding: "chunked"\r\n')],
  ['identity', post('Transfer-Encoding: identity\r\n')],
  ['chunks in HTTP/1.0', `POST /film HTTP/1.0\r\n${NAMED}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a GET with a body', `${get('Content-Length: 5\r\n')}hello`],
  ['a GET with chunks', `${get('Transfer-Encoding: chunked\r\n')}0\r\n\r\n`],
  ['a HEAD with a body', `HEAD /film HTTP/1.1\r\n${NAMED}Content-Length: 5\r\n\r\nhello`],
  ['a GET whose body is the next request', get(`Content-Length: ${SMUGGLED.length}\r\n`)],
  // Methods and forms that are for proxies.
  ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', [400, 405]],
  ['CONNECT with a path', `CONNECT /film HTTP/1.1\r\n${NAMED}\r\n`, [400, 405]],
  ['POST with a body', `${post('Content-Length: 5\r\n')}hello`, [405]],
  ['POST with chunks', `${post('Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n0\r\n\r\n`, [405]],
  ['POST whose body does not come, but waits for a sign', post('Content-Length: 5\r\nExpect: 100-continue\r\n'), [405]],
  ['an expectation of something else', get('Expect: 200-ok\r\nConnection: close\r\n'), [417]],
  ['asterisk form of a GET', `GET * HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['authority form of a GET', `GET evil.example:443 HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['absolute form of another scheme', `GET ftp://a/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['absolute form with a port that is none', `GET http://a:b/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['absolute form with two hosts', `GET http://a|b/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['absolute form with half a literal', `GET http://[::1/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['absolute form with a user', `GET http://u:p@a/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`],
  ['a target that is too long', `GET /${'x'.repeat(5000)} HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`, [414]],
  ['TRACE', `TRACE /film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`, [405]],
];

/** Chunks that are none, in a body that nobody reads: the connection ends at the latest where they are met. */
const BROKEN_CHUNKS: readonly Vector[] = [
  ['no digits', 'x\r\nhello\r\n0\r\n\r\n'],
  ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a minus', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a size beyond all numbers', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF behind the size', '5\nhello\r\n0\r\n\r\n'],
  ['a bare CR behind the size', '5\rhello\r\n0\r\n\r\n'],
  ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['data longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
  ['an extension with a bare LF', '5;x\ny\r\nhello\r\n0\r\n\r\n'],
  ['a trailer that is folded', '0\r\nX: y\r\n z\r\n\r\n'],
  ['a trailer with a length', '0\r\nContent-Length: 5\r\n\r\n'],
];

describe('a hostile request', () => {
  let rig: ApplianceRig;

  beforeAll(async () => {
    rig = await startAppliance({ flags: { idleTimeoutMs: 1000 } });
    rig.origin.files.set('/film', { bytes: BYTES, etag: '"v1"' });
  });

  afterAll(() => rig.stop());

  it.each(REFUSED)(
    '%s: is refused, its connection ends, and what is behind it is not executed',
    async (_, text, allowed = [400]) => {
      const askedBefore = rig.origin.requests.length;
      const { statuses } = await talk(rig.url, text + SMUGGLED);
      expect(statuses).toHaveLength(1);
      expect(allowed).toContain(statuses[0]);
      expect(rig.origin.requests).toHaveLength(askedBefore);
    },
  );

  it.each(BROKEN_CHUNKS)(
    'a chunk with %s ends the connection, and what is behind it is not executed',
    async (_, body) => {
      const askedBefore = rig.origin.requests.length;
      const { statuses } = await talk(rig.url, post('Transfer-Encoding: chunked\r\n') + body + SMUGGLED);
      expect(statuses.every((status) => status >= 400)).toBe(true);
      expect(rig.origin.requests).toHaveLength(askedBefore);
    },
  );

  it('is counted by why it was refused', async () => {
    const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    for (const reason of [
      'malformed',
      'host',
      'body',
      'method',
      'target',
      'version',
      'head-too-large',
      'expectation',
    ]) {
      expect(metrics).toMatch(new RegExp(`appliance_refused_requests_total\\{reason="${reason}"\\} [1-9]`));
    }
  });
});

describe('an odd request that is allowed', () => {
  let rig: ApplianceRig;

  beforeAll(async () => {
    rig = await startAppliance();
    rig.origin.files.set('/film', { bytes: BYTES, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
  });

  afterAll(() => rig.stop());

  it.each<readonly [what: string, text: string]>([
    ['empty lines before it', `\r\n\r\n${get('Connection: close\r\n')}`],
    [
      'two blanks before the version, as RFC 9112 section 3 lets one read it',
      `GET /film  HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`,
    ],
    ['HTTP/1.0 without Host', 'GET /film HTTP/1.0\r\n\r\n'],
    ['HTTP/1.0 with Host', `GET /film HTTP/1.0\r\n${NAMED}\r\n`],
    ['a Host with a port', 'GET /film HTTP/1.1\r\nHost: a.example:8080\r\nConnection: close\r\n\r\n'],
    ['a Host in brackets', 'GET /film HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n'],
    ['a Host with an empty port', 'GET /film HTTP/1.1\r\nHost: a:\r\nConnection: close\r\n\r\n'],
    [
      'absolute form, whose host counts and is not asked',
      `GET http://evil.example/film HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`,
    ],
    ['no blank behind the colon', 'GET /film HTTP/1.1\r\nHost:a\r\nConnection:close\r\n\r\n'],
    ['blanks around a value', 'GET /film HTTP/1.1\r\nHost: \t a \t \r\nConnection: close\r\n\r\n'],
    ['an empty value', get('X:\r\nConnection: close\r\n')],
    ['bytes beyond ASCII in a value', get('X: \u00e4\u00ff\r\nConnection: close\r\n')],
    ['a length of zero', get('Content-Length: 0\r\nConnection: close\r\n')],
    ['an upgrade that is not taken', get('Connection: upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n')],
    ['an upgrade to a socket', get('Connection: Upgrade\r\nUpgrade: websocket\r\nConnection: close\r\n')],
    ['an expectation without a body', get('Expect: 100-continue\r\nConnection: close\r\n')],
  ])('%s: is answered with the file', async (_, text) => {
    const { statuses, text: heard } = await talk(rig.url, text);
    expect(statuses).toEqual([200]);
    expect(heard.endsWith(BYTES.toString('latin1'))).toBe(true);
  });

  it('OPTIONS of everything is answered', async () => {
    expect((await talk(rig.url, `OPTIONS * HTTP/1.1\r\n${NAMED}Connection: close\r\n\r\n`)).statuses).toEqual([204]);
  });

  it('pipelined ones are answered in their order', async () => {
    const texts = ['bytes=0-0', 'bytes=1-1', 'bytes=2-2'].map((range) => get(`Range: ${range}\r\n`));
    const { statuses, text } = await talk(rig.url, texts.join('') + get('Connection: close\r\n'));
    expect(statuses).toEqual([206, 206, 206, 200]);
    expect([...text.matchAll(/Content-Range: bytes (\d)-/gi)].map(([, first]) => first)).toEqual(['0', '1', '2']);
  });

  it('is answered to its end though nonsense follows while it is being sent', async () => {
    rig.origin.isHeld = true;
    const talked = talk(rig.url, `GET /slow HTTP/1.1\r\n${NAMED}\r\n`, 'NONSENSE\r\n\r\n');
    rig.origin.files.set('/slow', { bytes: BYTES, etag: '"v1"' });
    (await rig.origin.arrival()).release();
    rig.origin.isHeld = false;
    const { statuses, text } = await talked;
    expect(statuses).toEqual([200]);
    expect(text.endsWith(BYTES.toString('latin1'))).toBe(true);
  });

  it('behind one that ends the connection, nothing is begun', async () => {
    const { statuses } = await talk(rig.url, get('Connection: close\r\n') + SMUGGLED);
    expect(statuses).toEqual([200]);
    expect(rig.origin.asked('/smuggled')).toHaveLength(0);
  });
});
