import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BmpRoutes } from '../../../appliance/routes/bmp-routes.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { bmp, endOfRib, peerDown, peerUp, routes } from '../../src/routes/bmp-messages.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const GRACE_MS = 60_000;
const IN_TIME = { timeout: 10_000, interval: 10 };

let world: FakeWorld;
let station: BmpRoutes;
let warnings: string[];
const sockets: Socket[] = [];

beforeEach(async () => {
  world = new FakeWorld();
  warnings = [];
  await listen(['127.0.0.0/8']);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await station.stop();
});

async function listen(routers: readonly string[]): Promise<void> {
  const warn = (fields: object, message: string): void =>
    void warnings.push(`${message}: ${Object.values(fields).join(' ')}`);
  station = new BmpRoutes({
    listen: { host: '127.0.0.1', port: 0 },
    routers,
    graceMs: GRACE_MS,
    clock: world.clock,
    logger: { ...silentLogger, warn },
  });
  await station.start();
}

function dial(localAddress = '127.0.0.1'): Socket {
  const socket = connect({ host: '127.0.0.1', port: station.port, localAddress });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** What is reported next: looks until something is. */
async function reported(): Promise<string[]> {
  let found: readonly { readonly prefix: string }[] | undefined;
  await expect
    .poll(async () => {
      found = (await station.look()) ?? found;
      return found;
    }, IN_TIME)
    .toBeDefined();
  return (found ?? []).map(({ prefix }) => prefix).sort();
}

const TABLE = [peerUp(), routes({ announced: ['20.1.0.0/16', '20.2.0.0/16'] }), endOfRib()];

test('a router that dials tells its routes, in whatever pieces its messages come', async () => {
  const router = dial();
  for (const byte of Buffer.concat([bmp(4, [0, 2, 0, 1, 0x72]), ...TABLE])) router.write(Buffer.from([byte]));
  expect(await reported()).toEqual(['20.1.0.0/16', '20.2.0.0/16']);
  router.write(routes({ withdrawn: ['20.1.0.0/16'] }));
  expect(await reported()).toEqual(['20.2.0.0/16']);
});

test('a broken message is left out, and those behind it count', async () => {
  const whole = routes({ announced: ['20.3.0.0/16'] });
  const broken = bmp(0, [...whole.subarray(6, -1)]);
  dial().write(Buffer.concat([peerUp(), broken, routes({ announced: ['20.1.0.0/16'] })]));
  expect(await reported()).toEqual(['20.1.0.0/16']);
  expect(warnings).toEqual([expect.stringMatching(/is broken and left out/)]);
});

test('a stream that makes no sense is hung up on, and what was told counts for the grace time', async () => {
  const router = dial();
  router.write(Buffer.concat(TABLE));
  expect(await reported()).toHaveLength(2);
  const closed = new Promise((resolve) => {
    router.once('close', resolve);
  });
  router.write('GET / HTTP/1.1\r\n\r\n');
  router.resume();
  await closed;
  await expect.poll(() => warnings.join(), IN_TIME).toMatch(/BMP version 71 instead of 3/);
  expect(await reported()).toHaveLength(2);
  await world.clock.advance(GRACE_MS);
  expect(await reported()).toEqual([]);
});

test('BGP-4: a router that hangs up and dials again within the grace time changes nothing', async () => {
  const first = dial();
  first.write(Buffer.concat(TABLE));
  expect(await reported()).toHaveLength(2);
  first.destroy();
  await expect.poll(() => warnings.join(), IN_TIME).toMatch(/hung up/);
  const second = dial();
  second.write(Buffer.concat(TABLE));
  expect(await reported()).toHaveLength(2);
  await world.clock.advance(2 * GRACE_MS);
  expect(await station.look()).toBeUndefined();
  second.write(peerDown());
  expect(await reported()).toHaveLength(2);
  await world.clock.advance(GRACE_MS);
  expect(await reported()).toEqual([]);
});

test('who is not among the routers is hung up on', async () => {
  await station.stop();
  await listen(['127.0.0.9/32']);
  const stranger = dial();
  stranger.resume();
  await new Promise((resolve) => stranger.once('close', resolve));
  expect(warnings).toEqual([expect.stringMatching(/not among --bmp-routers/)]);
  dial('127.0.0.9').write(Buffer.concat(TABLE));
  expect(await reported()).toHaveLength(2);
});

test('a list of routers that is none is refused at the start', () => {
  const options = { listen: { host: '127.0.0.1', port: 0 }, graceMs: 0, clock: world.clock, logger: silentLogger };
  for (const router of ['router.example', '10.0.0.0/40', ''])
    expect(() => new BmpRoutes({ ...options, routers: [router] })).toThrow(/--bmp-routers/);
});
