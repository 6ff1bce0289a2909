import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createJsonServer, type JsonServer, listen } from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { until } from '../../support/until.ts';

let server: JsonServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function start(keyOf: (address: string) => string | undefined) {
  server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 1000, perAddress: { max: 2, keyOf } });
  server.get('/', () => ({ ok: true }));
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  return async () => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    const answer = { text: '', isClosed: false, socket };
    socket.on('data', (piece: Buffer) => (answer.text += piece.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => (answer.isClosed = true));
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return answer;
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('beyond the limit an address is answered and told to close, and what it closed counts no more', async () => {
  const open = await start((address) => address);
  const kept = [await open(), await open()];
  const third = await open();
  for (const answer of [...kept, third]) answer.socket.write(GET);
  await until(() => third.isClosed);
  expect(third.text).toMatch(/^HTTP\/1\.1 200 OK[^]*connection: close/i);
  for (const answer of kept) {
    await until(() => answer.text.includes('ok'));
    expect(answer.text).toMatch(/connection: keep-alive/i);
  }
  kept[0]?.socket.destroy();
  // The server sees the end a moment later, so others ask until one is kept.
  await until(async () => {
    const next = await open();
    next.socket.write(GET);
    await until(() => next.text.includes('ok'));
    return /connection: keep-alive/i.test(next.text);
  });
});

test('from four times the limit on a connection is closed at once', async () => {
  const open = await start((address) => address);
  for (let index = 0; index < 8; index += 1) await open();
  const ninth = await open();
  await until(() => ninth.isClosed);
  expect(ninth.text).toBe('');
});

test('a proxy in front has no limit', async () => {
  const open = await start(() => undefined);
  const answers = [await open(), await open(), await open(), await open()];
  for (const answer of answers) answer.socket.write(GET);
  for (const answer of answers) await until(() => answer.text.includes('keep-alive'));
});
