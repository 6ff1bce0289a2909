import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { answerFirst, createJsonServer, type JsonServer, listen } from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { until } from '../../support/until.ts';

const TLS = join(import.meta.dirname, '../../support/tls');
const tls = { certFile: join(TLS, 'test-only-cert.pem'), keyFile: join(TLS, 'test-only-key.pem') };

let server: JsonServer;
let port: number;
const sockets: Socket[] = [];

/** For what has nothing to do with time: a machine may stand still for longer than the others' clients. */
const UNHURRIED = { headTimeoutMs: 60_000, silenceTimeoutMs: 60_000 };

interface Limits {
  readonly isTls?: boolean;
  readonly maxConnections?: number;
  readonly headTimeoutMs?: number;
  readonly silenceTimeoutMs?: number;
}

async function start({ isTls = false, ...limits }: Limits = {}): Promise<void> {
  server = createJsonServer({
    logger: silentLogger,
    bodyLimitBytes: 10_000_000,
    headTimeoutMs: 100,
    silenceTimeoutMs: 300,
    ...limits,
    ...(isTls ? { tls } : {}),
  });
  server.post('/echo', (request) => ({ body: request.body }));
  server.get('/of/:id', (request) => request.params);
  server.get('/large', () => 'x'.repeat(64_000_000));
  ({ port } = await listen(server, { host: '127.0.0.1', port: 0 }));
}

interface Answer {
  text: string;
  isClosed: boolean;
  readonly socket: Socket;
}

/** Sends bytes as they are and gathers what comes back. */
async function send(bytes: string | Buffer, isTls = false): Promise<Answer> {
  const socket = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
  sockets.push(socket);
  const answer: Answer = { text: '', isClosed: false, socket };
  socket.on('data', (piece: Buffer) => (answer.text += piece.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (answer.isClosed = true));
  await new Promise((resolve) => socket.once(isTls ? 'secureConnect' : 'connect', resolve).once('close', resolve));
  if (bytes.length > 0) socket.write(bytes);
  return answer;
}

const closed = (answer: Answer) => until(() => answer.isClosed);

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

describe.each([
  ['HTTP', false],
  ['HTTPS', true],
])('a client over %s', (_scheme, isTls) => {
  it('that never ends its head is cut off', async () => {
    await start({ isTls });
    const answer = await send('GET / HTTP/1.1\r\nHost: x\r\n', isTls);
    const drip = setInterval(() => answer.socket.write('X: y\r\n'), 20);
    await closed(answer);
    clearInterval(drip);
    expect(answer.text).toContain('408');
  });

  it('that says nothing is cut off', async () => {
    await start({ isTls });
    await closed(await send('', isTls));
  });

  it('with a head beyond all reason gets 431', async () => {
    await start({ isTls, ...UNHURRIED });
    const answer = await send(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, isTls);
    await closed(answer);
    expect(answer.text).toContain('431');
  });
});

describe('a hostile client', () => {
  it('that never ends its TLS handshake is cut off', async () => {
    await start({ isTls: true });
    await closed(await send(Buffer.from([0x16, 3, 1, 2, 0])));
  });

  it('that takes nothing of its answer is cut off', async () => {
    await start();
    const accepted = once(server.server, 'connection');
    const answer = await send('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    answer.socket.pause();
    await accepted;
    const connections = () =>
      new Promise<number>((resolve) => server.server.getConnections((_error, count) => resolve(count)));
    await until(async () => (await connections()) === 0);
  });

  it('finds a limit to the number of its connections', async () => {
    await start({ maxConnections: 2, ...UNHURRIED });
    await send('GET /');
    await send('GET /');
    await closed(await send('GET /'));
  });

  it('has no body read for a path that is not there', async () => {
    await start();
    const head = 'POST /none HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n';
    const answer = await send(head);
    await until(() => answer.text.includes('\r\n\r\n{'));
    expect(answer.text).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('is answered with a problem when its path cannot be decoded or is too long', async () => {
    await start();
    for (const [path, status] of [
      ['/of/%', 400],
      ['/of/%ff', 400],
      [`/of/${'x'.repeat(5000)}`, 414],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('with two Host fields gets 400 and its connection closed, in front of the routes too', async () => {
    await start();
    answerFirst(server, (request, response) => {
      response.end(request.url);
      return true;
    });
    const answer = await send('GET /of/1 HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n');
    await closed(answer);
    expect(answer.text).toMatch(/^HTTP\/1.1 400 /);
    const alone = await send('GET /of/1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => alone.text.endsWith('/of/1'));
  });

  it('cannot smuggle a second request behind an ambiguous length', async () => {
    await start();
    for (const lengths of [
      'Content-Length: 4\r\nTransfer-Encoding: chunked',
      'Content-Length: 4\r\nContent-Length: 5',
      'Content-Length: +4',
      'Transfer-Encoding: chunked, identity',
    ]) {
      const answer = await send(
        `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${lengths}\r\n\r\n0\r\n\r\nGET /of/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      await closed(answer);
      expect(answer.text).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.text).not.toContain('smuggled');
    }
  });

  it('changes nothing with a prototype, and breaks nothing with depth, size or bytes that are no text', async () => {
    await start();
    const post = async (body: string | Uint8Array<ArrayBuffer>) => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`http://127.0.0.1:${port}/echo`, { method: 'POST', headers, body })).status;
    };
    expect(await post('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')).toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await post(`${'['.repeat(2_000_000)}`)).toBe(400);
    expect(await post('{"n":1e999}')).toBe(200);
    expect(await post(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).toBe(200);
    expect(await post(new Uint8Array([0xff, 0xfe]))).toBe(400);
  });
});
