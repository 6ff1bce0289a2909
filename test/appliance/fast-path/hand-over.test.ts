import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Mover } from '../../../appliance/fast-path/hand-over.ts';
import type { MovedConnection } from '../../../appliance/fast-path/messages.ts';
import { type Libc, loadLibc } from '../../../appliance/kernel/libc.ts';
import { until } from '../../support/until.ts';
import { HandOverRig } from './hand-over-rig.ts';
import { openSockets } from './open-sockets.ts';

const load = loadLibc();
const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';

const answerHello = (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
  response.end('hello');
  return Promise.resolve();
};

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(load.kind === 'missing')('a connection that comes from a wire thread', () => {
  const { libc } = load as { readonly libc: Libc };
  const gates: (() => void)[] = [];
  afterEach(() => gates.splice(0));
  const rigOf = (handle = answerHello, mover?: Partial<Mover>): Promise<HandOverRig> =>
    new HandOverRig(libc, handle, mover).start();
  /** Answers only when `open` is called. */
  const gated = (): { handle: typeof answerHello; open: () => void } => ({
    handle: (request, response) => {
      gates.push(() => void answerHello(request, response));
      return Promise.resolve();
    },
    open: () => gates.shift()?.(),
  });

  it('is answered and goes back, idle and whole, as often as it comes', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client(GET);
    let now = connection;
    let read = bytes;
    for (let round = 1; round <= 20; round += 1) {
      const open = openSockets();
      rig.server.takeOver(now, read, true);
      expect(await rig.server.connectionCount()).toBe(1);
      await until(() => rig.given.length === 1 && client.answers() === round);
      expect(await rig.server.connectionCount()).toBe(0);
      expect(openSockets()).toEqual(open);
      now = rig.given.pop() as MovedConnection;
      expect(now).toEqual({ ...connection, fd: now.fd });
      client.say(GET);
      read = await rig.read(now.fd, GET.length);
    }
    rig.given.push(now);
    expect(rig.requests[19]).toBe('GET /a 127.0.0.1');
    expect([rig.gone, client.hasEnded]).toEqual([[], false]);
  });

  it('is not counted again by its address', async () => {
    const { handle, open } = gated();
    await using rig = await rigOf(handle);
    const all = await Promise.all([rig.client(GET), rig.client(GET), rig.client(GET)]);
    for (const { connection, bytes } of all) rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 3);
    expect(await rig.server.connectionCount()).toBe(3);
    while (gates.length > 0) open();
    await until(() => rig.given.length === 3);
  });

  it('may come with any part of a head, and stays', async () => {
    await using rig = await rigOf();
    for (let cut = 0; cut < GET.length; cut += 1) {
      const { client, connection, bytes } = await rig.client(GET.slice(0, cut));
      rig.server.takeOver(connection, bytes, false);
      client.say(GET.slice(cut));
      await until(() => client.answers() === 1);
      client.socket.end();
    }
    await until(() => rig.gone.length === GET.length);
    expect(rig.given).toEqual([]);
  });

  it('gets its answers in order when it has asked for several, and stays', async () => {
    const { handle, open } = gated();
    await using rig = await rigOf(handle);
    const { client, connection, bytes } = await rig.client(`${GET}${GET.replace('/a', '/b')}GET /c`);
    rig.server.takeOver(connection, bytes, false);
    await until(() => gates.length === 2);
    open();
    open();
    client.say(' HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => gates.length === 1);
    open();
    await until(() => client.answers() === 3);
    expect(rig.requests.map((request) => request.split(' ')[1])).toEqual(['/a', '/b', '/c']);
    expect(rig.given).toEqual([]);
  });

  it('stays when it asks again before it is answered', async () => {
    const { handle, open } = gated();
    await using rig = await rigOf(handle);
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 1);
    client.say(GET);
    await until(() => gates.length === 2);
    open();
    open();
    await until(() => client.answers() === 2);
    expect(rig.given).toEqual([]);
  });

  it('stays when half of a next head was read with its first', async () => {
    const { handle, open } = gated();
    await using rig = await rigOf(handle);
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 1);
    client.say('GET /b HTT');
    await until(() => [...rig.sockets].some((socket) => socket.bytesRead === 10));
    open();
    await until(() => client.answers() === 1);
    expect(rig.given).toEqual([]);
    client.say('P/1.1\r\nHost: a\r\n\r\n');
    await until(() => gates.length === 1);
    open();
    await until(() => client.answers() === 2);
  });

  it('takes along what came in after its answer', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => rig.given.length === 1);
    client.say('GET /next');
    const [back] = rig.given as [MovedConnection];
    expect(Buffer.from(await rig.read(back.fd, 9)).toString()).toBe('GET /next');
  });

  it('stays when it sends a body', async () => {
    await using rig = await rigOf(async (request, response) => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      response.end(`got ${body.length}`);
    });
    const head = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
    const { client, connection, bytes } = await rig.client(head);
    rig.server.takeOver(connection, bytes, true);
    client.say('12345');
    await until(() => client.answers() === 1);
    expect([client.heard.includes('got 5'), rig.given.length]).toEqual([true, 0]);
    client.say(GET);
    await until(() => client.answers() === 2);
    expect(rig.given).toEqual([]);
  });

  it('stays when it was answered before the body that it promised', async () => {
    await using rig = await rigOf();
    const head = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
    const { client, connection, bytes } = await rig.client(head);
    rig.server.takeOver(connection, bytes, true);
    await until(() => client.answers() === 1);
    expect(rig.given).toEqual([]);
  });

  it('goes back when a slow client has taken a long answer to its end', async () => {
    const body = 'x'.repeat(8 << 20);
    await using rig = await rigOf((_request, response) => {
      response.end(body);
      return Promise.resolve();
    });
    const { client, connection, bytes } = await rig.client(GET);
    client.socket.pause();
    rig.server.takeOver(connection, bytes, true);
    await until(() => rig.requests.length === 1);
    expect(rig.given).toEqual([]);
    client.socket.resume();
    await until(() => rig.given.length === 1);
    await until(() => client.heard.length > body.length);
    expect(client.heard.endsWith(body)).toBe(true);
  });

  it('is answered when the client has closed its side before, and ends then', async () => {
    const { handle, open } = gated();
    await using rig = await rigOf(handle);
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 1);
    client.socket.end();
    await until(() => [...rig.sockets].every((socket) => socket.readableEnded));
    open();
    await until(() => client.hasEnded && rig.gone.length === 1);
    expect([client.answers(), rig.given.length, rig.gone]).toEqual([1, 0, [connection]]);
  });

  it('ends with its answer when that says so', async () => {
    await using rig = await rigOf((_request, response) => {
      response.setHeader('Connection', 'close');
      response.end();
      return Promise.resolve();
    });
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => client.hasEnded && rig.gone.length === 1);
    expect(rig.given).toEqual([]);
  });

  it('is gone once when the client resets it in the middle', async () => {
    const { handle } = gated();
    await using rig = await rigOf(handle);
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 1);
    client.reset();
    await until(() => rig.gone.length === 1);
    expect([rig.given, rig.gone]).toEqual([[], [connection]]);
  });

  it('is known by its address though it was reset before it came', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client(GET);
    client.reset();
    await until(() => libc.remoteAddress(connection.fd).address === '');
    rig.server.takeOver(connection, bytes, true);
    await until(() => rig.gone.length === 1);
    expect(rig.requests.every((request) => request.endsWith('127.0.0.1'))).toBe(true);
    expect(rig.given).toEqual([]);
  });

  it('is gone at once when it is no connection', async () => {
    await using rig = await rigOf();
    const file = libc.memfdCreate('x');
    const connection = { fd: file, remoteAddress: '192.0.2.1', remotePort: 1, countedAt: 3 };
    rig.server.takeOver(connection, Buffer.from(GET), true);
    expect(rig.gone).toEqual([connection]);
    expect(libc.close(file)).toBeLessThan(0);
  });

  it('stays when there is no descriptor for the way back', async () => {
    const without = { close: (fd: number) => libc.close(fd), duplicate: () => -24 };
    await using rig = await rigOf(answerHello, { libc: without });
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, true);
    await until(() => client.answers() === 1);
    client.say(GET);
    await until(() => client.answers() === 2);
    expect(rig.given).toEqual([]);
  });

  it('has as long for a head as any other', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client('GET /a HTTP/1.1\r\nHo');
    rig.server.takeOver(connection, bytes, false);
    await until(() => client.hasEnded);
    expect(client.heard).toMatch(/^HTTP\/1.1 408 /);
    await until(() => rig.gone.length === 1);
  });

  it('has as long for its next request as any other', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client(GET);
    rig.server.takeOver(connection, bytes, false);
    await until(() => client.hasEnded);
    expect(client.answers()).toBe(1);
    await until(() => rig.gone.length === 1);
  });

  it('is refused what is no HTTP', async () => {
    await using rig = await rigOf();
    const { client, connection, bytes } = await rig.client('nonsense\r\n\r\n');
    rig.server.takeOver(connection, bytes, true);
    await until(() => client.hasEnded && rig.gone.length === 1);
    expect(client.heard).toMatch(/^HTTP\/1.1 400 /);
  });

  it('is finished by a server that stops, or cut at its deadline', async () => {
    const { handle, open } = gated();
    const rig = await rigOf(handle);
    const first = await rig.client(GET);
    const second = await rig.client(GET);
    for (const { connection, bytes } of [first, second]) rig.server.takeOver(connection, bytes, true);
    await until(() => gates.length === 2);
    const stopped = rig.server.stop(300);
    open();
    await until(() => first.client.answers() === 1);
    await stopped;
    await until(() => second.client.hasEnded || second.client.failure !== undefined);
    expect([rig.given.length, rig.gone.length, second.client.answers()]).toEqual([0, 2, 0]);
    await rig[Symbol.asyncDispose]();
  });

  it('cannot be made by somebody else on the machine', async () => {
    await using rig = await rigOf();
    const name = /@(oca-delivery-[-0-9a-f]+)/.exec(readFileSync('/proc/net/unix', 'utf8'))?.[1];
    const stranger = connect({ path: `\0${name}` });
    stranger.on('error', () => undefined);
    stranger.write(GET);
    await new Promise((resolve) => stranger.once('close', resolve));
    expect(rig.requests).toEqual([]);
  });
});
