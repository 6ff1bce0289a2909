import type { AddressInfo } from 'node:net';
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../src/client/http-client.ts';
import { until } from '../../support/until.ts';

let server: TcpServer;
let sockets: Set<Socket>;
let http: HttpClient;
/** What the raw server writes once a request head came. */
let write: (socket: Socket) => void;

beforeEach(async () => {
  sockets = new Set();
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', () => write(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 1 });
});

afterEach(async () => {
  await http.destroy();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const request = (options: { headersTimeoutMs?: number; bodyTimeoutMs?: number; signal?: AbortSignal } = {}) =>
  http.request({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file?token=secret`,
    headersTimeoutMs: 5000,
    bodyTimeoutMs: 5000,
    ...options,
  });

async function read(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a request to another machine', () => {
  it('gives status, joined headers and the body as it arrives', async () => {
    write = (socket) => socket.write('HTTP/1.1 206 Partial\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 5\r\n\r\nhello');
    const response = await request();
    expect(response.status).toBe(206);
    expect(response.headers['x-two']).toBe('a, b');
    expect(await read(response.body)).toBe('hello');
  });

  it.each([
    ['an answer that is no HTTP', 'nonsense\r\n\r\n', 'SOURCE_PROTOCOL'],
    ['a head without an end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`, 'SOURCE_PROTOCOL'],
  ])('fails for %s', async (_what, bytes, code) => {
    write = (socket) => socket.write(bytes);
    await expect(request()).rejects.toMatchObject({ code });
  });

  it('fails with truncation when the body ends early', async () => {
    write = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    const response = await request();
    await expect(read(response.body)).rejects.toMatchObject({ code: 'SOURCE_TRUNCATED' });
  });

  it('fails with truncation when the connection is cut before the head', async () => {
    write = (socket) => socket.destroy();
    await expect(request()).rejects.toMatchObject({ code: 'SOURCE_TRUNCATED' });
  });

  it('fails in time when no head comes, and when the body stops', async () => {
    write = () => undefined;
    await expect(request({ headersTimeoutMs: 100 })).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' });
    write = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    const response = await request({ bodyTimeoutMs: 100 });
    await expect(read(response.body)).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' });
  });

  it('fails when nobody listens, without telling the query in the error', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const elsewhere = http.request({
      url: `http://127.0.0.1:${port}/file?token=secret`,
      headersTimeoutMs: 1000,
      bodyTimeoutMs: 1000,
    });
    const error: unknown = await elsewhere.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(String(error)).not.toContain('secret');
  });

  it('ends with the reason of its signal, before the head and in the body', async () => {
    write = () => undefined;
    const before = new AbortController();
    const waiting = request({ signal: before.signal });
    await until(() => sockets.size === 1);
    before.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    write = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    const during = new AbortController();
    const response = await request({ signal: during.signal });
    const reading = read(response.body);
    during.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('frees the connection of a body that nobody wants', async () => {
    write = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    const response = await request();
    response.discard();
    await until(() => sockets.size === 0);
    write = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect(await read((await request()).body)).toBe('ok');
  });

  const whole = 'Content-Length: 5\r\n\r\nhello';
  const chunks = '\r\n5\r\nhello\r\n0\r\n\r\n';

  // RFC 9112 sections 2.2, 5, 6.3 and 11.2, RFC 9110 section 15.
  it.each([
    ['a length and a coding', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n${chunks}`],
    ['a coding and a length', `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n${chunks}`],
    ['two lengths', `Content-Length: 6\r\n${whole}`],
    ['a list of two lengths', 'Content-Length: 5, 6\r\n\r\nhello'],
    ['a length with a sign', 'Content-Length: +5\r\n\r\nhello'],
    ['a length in hexadecimal', 'Content-Length: 0x5\r\n\r\nhello'],
    ['no number for a length', 'Content-Length: \r\n\r\nhello'],
    ['a length beyond all numbers', `Content-Length: ${'9'.repeat(30)}\r\n\r\nhello`],
    ['a coding inside another', `Transfer-Encoding: gzip, chunked\r\n${chunks}`],
    ['a coding behind chunked', `Transfer-Encoding: chunked, identity\r\n${chunks}`],
    ['a coding that looks like chunked', `Transfer-Encoding: xchunked\r\n${chunks}`],
    ['a folded line', `X-A: one\r\n two\r\n${whole}`],
    ['a bare CR in a value', `X-A: one\rX-B: two\r\n${whole}`],
    ['lines that end with a bare LF', `X-A: one\n${whole}`],
    ['a blank before the colon', `X-A : one\r\n${whole}`],
    ['a field without a name', `: one\r\n${whole}`],
    ['a NUL in a value', `X-A: o\0ne\r\n${whole}`],
    ['a chunk that is no number', 'Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n'],
    ['a chunk longer than any', `Transfer-Encoding: chunked\r\n\r\n${'F'.repeat(17)}\r\nhello\r\n0\r\n\r\n`],
    ['a chunk longer than it says', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n'],
    ['a field of 40 KB', `X-A: ${'x'.repeat(40_000)}\r\n${whole}`],
  ])('is refused an answer with %s', async (_what, rest) => {
    write = (socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`, 'latin1');
    const reading = request().then(({ body }) => read(body));
    await expect(reading).rejects.toMatchObject({ code: 'SOURCE_PROTOCOL' });
  });

  it.each([
    ['three', 'HTTP/1.1 099 Odd'],
    ['four', 'HTTP/1.1 2000 Odd'],
  ])('is refused a status that is none, of %s digits', async (_digits, line) => {
    write = (socket) => socket.end(`${line}\r\n${whole}`);
    await expect(request()).rejects.toMatchObject({ code: 'SOURCE_PROTOCOL' });
  });

  it('ends with the head when an endless one comes in', async () => {
    write = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(`X-${'a'.repeat(1000)}: b\r\n`));
      };
      socket.on('drain', more);
      more();
    };
    await expect(request()).rejects.toMatchObject({ code: 'SOURCE_PROTOCOL' });
  });

  it('takes nothing of early hints and of trailers into the answer', async () => {
    write = (socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nETag: "early"\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n5\r\nhello\r\n0\r\nETag: "late"\r\n\r\n`,
      );
    const response = await request();
    expect(response.status).toBe(200);
    expect(await read(response.body)).toBe('hello');
    expect(response.headers).toEqual({ 'transfer-encoding': 'chunked', trailer: 'ETag' });
  });

  it('does not take what stands behind an answer for the answer to the next request', async () => {
    write = (socket) => socket.write(`HTTP/1.1 200 OK\r\n${whole}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    expect(await read((await request()).body)).toBe('hello');
    write = (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood`);
    const next = await request().catch(() => request());
    expect(await read(next.body)).toBe('good');
  });
});
