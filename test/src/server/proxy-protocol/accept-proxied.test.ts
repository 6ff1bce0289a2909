import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createJsonServer, type JsonServer, listen } from '../../../../src/server/json-server.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { until } from '../../../support/until.ts';
import { v2Header } from './v2-header.ts';

const TLS = join(import.meta.dirname, '../../../support/tls');
const tls = { certFile: join(TLS, 'test-only-cert.pem'), keyFile: join(TLS, 'test-only-key.pem') };
const servers: JsonServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: { isTls?: boolean; isTrusted?: boolean; headTimeoutMs?: number } = {}): Promise<number> {
  const { isTls = false, isTrusted = true, headTimeoutMs = 5000 } = options;
  const server = createJsonServer({
    logger: silentLogger,
    bodyLimitBytes: 1000,
    headTimeoutMs,
    isProxied: () => isTrusted,
    ...(isTls ? { tls } : {}),
  });
  servers.push(server);
  server.get('/whose', (request) => ({ address: request.raw.socket.remoteAddress }));
  server.post('/echo', (request) => request.body);
  return (await listen(server, { host: '127.0.0.1', port: 0 })).port;
}

interface Answer {
  text: string;
  isClosed: boolean;
  readonly socket: Socket;
}

function gather(socket: Socket): Answer {
  sockets.push(socket);
  const answer: Answer = { text: '', isClosed: false, socket };
  socket.on('data', (piece: Buffer) => (answer.text += piece.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (answer.isClosed = true));
  return answer;
}

const GET = 'GET /whose HTTP/1.1\r\nHost: x\r\n\r\n';
const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';
const answered = (answer: Answer, text: string) => until(() => answer.text.includes(text));

test('the client that the header names is whose request it is, for every request of the connection', async () => {
  const port = await start();
  for (const header of [Buffer.from(V1), v2Header({ source: '192.0.2.1', checksum: true })]) {
    const answer = gather(connect(port, '127.0.0.1'));
    answer.socket.write(Buffer.concat([header, Buffer.from(GET)]));
    await answered(answer, '{"address":"192.0.2.1"}');
    answer.text = '';
    answer.socket.write(GET);
    await answered(answer, '{"address":"192.0.2.1"}');
  }
});

test('split at each byte, in two packets, it is the same', async () => {
  const port = await start();
  const bytes = Buffer.concat([v2Header({ source: '192.0.2.1' }), Buffer.from(GET)]);
  const v1 = Buffer.from(V1 + GET);
  for (const whole of [bytes, v1])
    for (let at = 1; at < whole.length; at += 1) {
      const answer = gather(connect(port, '127.0.0.1').setNoDelay(true));
      await new Promise((resolve) => answer.socket.write(whole.subarray(0, at), resolve));
      // Long enough for a packet of its own; if it is not, the test is only weaker.
      await new Promise((resolve) => setImmediate(resolve));
      answer.socket.write(whole.subarray(at));
      await answered(answer, '{"address":"192.0.2.1"}');
      answer.socket.destroy();
    }
});

test('a body that comes with the header is read whole', async () => {
  const port = await start();
  const body = JSON.stringify({ text: 'x'.repeat(500) });
  const answer = gather(connect(port, '127.0.0.1'));
  answer.socket.write(
    `${V1}POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 100)}`,
  );
  answer.socket.write(body.slice(100));
  await answered(answer, body);
});

test('it stands in front of TLS as well', async () => {
  const port = await start({ isTls: true });
  for (const header of [Buffer.from(V1), v2Header({ source: '192.0.2.1' })]) {
    const raw = connect(port, '127.0.0.1');
    sockets.push(raw);
    await new Promise((resolve) => raw.once('connect', resolve));
    raw.write(header);
    const answer = gather(connectTls({ socket: raw, rejectUnauthorized: false }));
    answer.socket.write(GET);
    await answered(answer, '{"address":"192.0.2.1"}');
  }
});

test('the header and the hello of TLS in one packet, cut anywhere, are told apart', async () => {
  const port = await start({ isTls: true });
  for (const cut of [1, 20, V1.length - 1, V1.length, V1.length + 1, V1.length + 100]) {
    // A balancer that puts its header in front of the first bytes of a client.
    const balancer = createServer((client) => {
      const upstream = connect(port, '127.0.0.1').setNoDelay(true);
      sockets.push(client, upstream);
      client.once('data', (hello: Buffer) => {
        const first = Buffer.concat([Buffer.from(V1), hello]);
        upstream.write(first.subarray(0, cut), () => {
          upstream.write(first.subarray(cut));
          client.pipe(upstream);
        });
      });
      upstream.pipe(client);
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    const answer = gather(
      connectTls({ port: (balancer.address() as AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false }),
    );
    answer.socket.write(GET);
    await answered(answer, '{"address":"192.0.2.1"}');
    answer.socket.destroy();
    balancer.close();
  }
});

test('LOCAL is the balancer itself', async () => {
  const port = await start();
  const answer = gather(connect(port, '127.0.0.1'));
  answer.socket.write(Buffer.concat([v2Header({ source: '192.0.2.1', command: 0 }), Buffer.from(GET)]));
  await answered(answer, '{"address":"127.0.0.1"}');
});

test.each([
  ['none', GET],
  ['a wrong one', `PROXY TCP4 192.0.2.1\r\n${GET}`],
  ['one that does not end', `PROXY UNKNOWN ${'x'.repeat(100_000)}`],
])('a trusted balancer that sends %s is cut without an answer', async (_what, bytes) => {
  const answer = gather(connect(await start(), '127.0.0.1'));
  answer.socket.write(bytes);
  await until(() => answer.isClosed);
  expect(answer.text).toBe('');
});

test('a header that does not come in time closes the connection', async () => {
  const answer = gather(connect(await start({ headTimeoutMs: 50 }), '127.0.0.1'));
  answer.socket.write('PROXY TCP4');
  await until(() => answer.isClosed);
  expect(answer.text).toBe('');
});

test('a header of somebody who is not trusted is not read, and names nobody', async () => {
  const port = await start({ isTrusted: false });
  const spoofed = gather(connect(port, '127.0.0.1'));
  spoofed.socket.write(V1 + GET);
  await answered(spoofed, '400 Bad Request');
  const plain = gather(connect(port, '127.0.0.1'));
  plain.socket.write(GET);
  await answered(plain, '{"address":"127.0.0.1"}');
});

test('a stop does not wait for headers that never come', async () => {
  const port = await start();
  const answer = gather(connect(port, '127.0.0.1'));
  await new Promise((resolve) => answer.socket.write('PROXY', resolve));
  await servers.pop()?.close();
  await until(() => answer.isClosed);
});
