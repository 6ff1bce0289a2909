import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { checkHead } from '../../../appliance/delivery/check-head.ts';
import { emptyHead, type HeadReading, readHead } from '../../../appliance/fast-path/request-head.ts';
import { parseRangeHeader } from '../../../src/http/byte-range.ts';
import { parseEtag } from '../../../src/http/etag.ts';

const requestLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('GET / HTTP/1.1', 'HEAD /a%20b?c=d HTTP/1.1', 'GET /film.mp4?CMCD=x HTTP/1.1'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('GET / HTTP/1.0', 'GET  / HTTP/1.1', 'POST / HTTP/1.1', 'GET /\t HTTP/1.1', 'GET /'),
  },
);
const range = fc.oneof(
  fc.tuple(fc.nat(), fc.nat()).map(([first, last]) => `bytes=${first}-${last}`),
  fc.constantFrom(
    'bytes=0-',
    'Bytes=-5',
    'bytes=-',
    'bytes=1-2,3-4',
    'bytes=007-8',
    'bytes=0-9007199254740993',
    'b=1-2',
  ),
);
const tag = fc.constantFrom('"a"', '""', 'W/"a"', '"a", "b"', '*', '"a', '"a"b"', '"a b"', '"\xe4"');
const field = fc.oneof(
  range.map((value) => `Range: ${value}`),
  tag.map((value) => `If-Range: ${value}`),
  tag.map((value) => `If-None-Match: ${value}`),
  fc.constantFrom(
    'Host: a',
    'host:a.example:80',
    'Host: [::1]',
    'Host: a b',
    'Host: a:999999',
    'Host: ',
    'Host: \t a \t',
  ),
  fc.constantFrom('Connection: close', 'connection: Keep-Alive', 'Connection: upgrade', 'Content-Length: 3'),
  fc.constantFrom(
    'Accept: */*',
    'Cookie: a=b',
    'User-Agent:',
    'X-Unknown: 1',
    'Accept : a',
    ' folded',
    'CMCD-Session: v=2',
  ),
  fc.constantFrom('Transfer-Encoding: chunked', 'Expect: 100-continue', 'If-Modified-Since: x'),
);
const mutation = fc.record({
  at: fc.nat(400),
  bytes: fc.constantFrom('', '\r', '\n', '\r\n', '\0', ' ', ':', '\t', '\x80', 'a', '\x7f'),
  removed: fc.nat(2),
});
const message = fc
  .tuple(
    requestLine,
    fc.boolean(),
    fc.array(field, { maxLength: 6 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(mutation, { maxLength: 2 })),
    fc.constantFrom('', '', 'GET', 'x'),
  )
  .map(([line, hasHost, fields, mutations, behind]) => {
    let text = [line, ...(hasHost ? ['Host: cdn.example'] : []), ...fields, '', ''].join('\r\n') + behind;
    for (const { at, bytes, removed } of mutations) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + bytes + text.slice(place + removed);
    }
    return Buffer.from(text, 'latin1');
  });

/** While a head is not complete, what is wrong with a field may not be seen yet. */
const agrees = (reading: HeadReading, expected: HeadReading, bytes: Buffer): boolean =>
  reading === expected || (reading === 'incomplete' && !bytes.includes('\r\n\r\n'));

test('a head reads the same in whatever pieces it comes', () => {
  fc.assert(
    fc.property(message, fc.array(fc.nat(200), { maxLength: 30 }), (bytes, steps) => {
      const [whole, pieced] = [emptyHead(), emptyHead()];
      const expected = readHead(bytes, 0, bytes.length, 0, whole);
      let tried = 0;
      let reading: HeadReading = 'incomplete';
      for (const step of [...steps, bytes.length]) {
        const length = Math.min(bytes.length, tried + step);
        reading = readHead(bytes, 0, length, tried, pieced);
        if (reading !== 'incomplete') break;
        tried = length;
      }
      expect(agrees(reading, expected, bytes), `${reading}, not ${expected}`).toBe(true);
      if (reading === 'whole') expect(pieced).toEqual(whole);
    }),
    { numRuns: 3000 },
  );
});

test('a head reads the same byte by byte, and wherever in a larger buffer it lies', () => {
  fc.assert(
    fc.property(message, fc.nat(50), (bytes, offset) => {
      const [whole, pieced] = [emptyHead(), emptyHead()];
      const expected = readHead(bytes, 0, bytes.length, 0, whole);
      const around = Buffer.concat([
        Buffer.alloc(offset, '\r\n'),
        bytes,
        Buffer.from('\r\n\r\nGET / HTTP/1.1\r\n\r\n'),
      ]);
      let reading: HeadReading = 'incomplete';
      for (let length = 1; length <= bytes.length && reading === 'incomplete'; length += 1) {
        reading = readHead(around, offset, offset + length, length - 1, pieced);
      }
      expect(agrees(reading, expected, bytes), `${reading}, not ${expected}`).toBe(true);
      if (reading === 'whole') expect(pieced).toEqual(whole);
    }),
    { numRuns: 1000 },
  );
});

const requests: IncomingMessage[] = [];
const server = createServer({ requireHostHeader: false, maxHeaderSize: 16_384 }, (request, response) => {
  requests.push(request);
  response.end();
});
server.on('clientError', () => undefined);
server.on('checkContinue', (request: IncomingMessage) => requests.push(request));
server.on('checkExpectation', (request: IncomingMessage) => requests.push(request));
afterAll(() => server.close());

/** What Node's parser makes of the bytes: its first request. */
async function ofNode(bytes: Buffer): Promise<IncomingMessage | undefined> {
  requests.length = 0;
  const socket = new Duplex({ read: () => undefined, write: (_piece, _coding, done) => done() });
  server.emit('connection', socket);
  socket.push(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  return requests[0];
}

test("what it takes, Node's strict parser and checkHead take too, and mean the same by it", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(message, async (bytes) => {
      const head = emptyHead();
      if (readHead(bytes, 0, bytes.length, 0, head) !== 'whole') return;
      taken += 1;
      const request = await ofNode(bytes);
      expect(request).toBeDefined();
      if (request === undefined) return;
      const { httpVersion: version, method = '', url, rawHeaders, headers } = request;
      expect(checkHead({ version, method, rawHeaders })).toEqual({
        kind: 'sound',
        hasBody: false,
        hasSeveralRanges: false,
      });
      expect({ method, url, host: headers.host }).toEqual({
        method: head.isHead ? 'HEAD' : 'GET',
        url: head.target,
        host: head.host,
      });
      expect(headers['if-range']).toBe(head.ifRange);
      expect(headers['if-none-match']).toBe(head.ifNoneMatch);
      for (const text of [head.ifRange, head.ifNoneMatch]) {
        if (text !== undefined) expect(parseEtag(text)).toMatchObject({ weak: false });
      }
      if (method === 'GET') expect(headers.range).toBe(head.range);
      expect(headers['cmcd-session']).toBe(head.report?.['cmcd-session']);
      expect(headers['cache-control']?.toLowerCase()).toBe(head.asksAnew ? 'max-age=0' : undefined);
      for (const name of ['pragma', 'authorization', 'expect', 'content-length', 'x-unknown']) {
        expect(headers[name]).toBeUndefined();
      }
    }),
    { numRuns: 2000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test('the numbers of a range are those that parseRangeHeader reads', () => {
  fc.assert(
    fc.property(range, (value) => {
      const head = emptyHead();
      const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nRange: ${value}\r\n\r\n`);
      if (readHead(bytes, 0, bytes.length, 0, head) !== 'whole') return;
      const { rangeFirst, rangeLast, suffixBytes } = head;
      expect(parseRangeHeader(value)).toEqual([
        rangeFirst === -1
          ? { kind: 'suffix', lengthBytes: suffixBytes }
          : { kind: 'from', first: rangeFirst, last: rangeLast === -1 ? undefined : rangeLast },
      ]);
    }),
  );
});
