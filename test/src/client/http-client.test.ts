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
});
