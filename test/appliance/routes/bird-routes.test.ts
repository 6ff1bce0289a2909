import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BirdRoutes } from '../../../appliance/routes/bird-routes.ts';
import type { RouteReport } from '../../../src/contracts/route-report.ts';
import { askBird } from '../../../src/routes/bird-control.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { BirdPair } from '../../support/bird-pair.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const GRACE_MS = 60_000;
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
};
const IN_TIME = { timeout: 45_000, interval: 100 };

describe('what the ISP announces, watched in a real BIRD', () => {
  let pair: BirdPair;
  let world: FakeWorld;
  let source: BirdRoutes;
  let routes: RouteReport['routes'] | undefined;

  /** Looks until something has changed; a BIRD that does not answer yet is looked at again. */
  const changed = async (): Promise<string[]> => {
    const before = routes;
    await expect
      .poll(async () => {
        routes = (await source.look().catch(() => undefined)) ?? routes;
        return routes !== before;
      }, IN_TIME)
      .toBe(true);
    return (routes ?? []).map(({ prefix }) => prefix).sort();
  };

  beforeEach(async () => {
    pair = await BirdPair.start(['203.0.113.0/24', '198.51.100.0/22', '2001:db8:1000::/36']);
    world = new FakeWorld();
    routes = undefined;
    source = new BirdRoutes({
      socketFile: pair.socketFile,
      protocol: 'isp',
      graceMs: GRACE_MS,
      clock: { ...systemWorld.clock, monotonicMs: () => world.clock.monotonicMs() },
      logger,
    });
  });

  afterEach(() => pair.end());

  it('learns them all, and every change', async () => {
    expect(await changed()).toEqual(['198.51.100.0/22', '2001:db8:1000::/36', '203.0.113.0/24']);
    expect(routes?.find(({ prefix }) => prefix === '203.0.113.0/24')).toEqual({
      prefix: '203.0.113.0/24',
      asPathLength: 1,
      med: 10,
      localPref: 100,
      communities: ['64500:100'],
      originAsn: 64511,
    });
    await pair.killRouter();
    pair.startRouter(['203.0.113.0/24']);
    expect(await changed()).toEqual(['203.0.113.0/24']);
  });

  it('keeps the routes of a lost session for the grace time, and no longer', async () => {
    await changed();
    await pair.killRouter();
    // BIRD notices the closed connection; the routes are gone there, and stay here.
    await expect.poll(() => source.look(), IN_TIME).toBeUndefined();
    await pair.killAppliance();
    await expect
      .poll(
        () =>
          source.look().then(
            () => 'known',
            () => 'unknown',
          ),
        IN_TIME,
      )
      .toBe('unknown');
    await world.clock.advance(GRACE_MS - 1);
    await expect(source.look()).rejects.toMatchObject({ code: 'ROUTER_UNREACHABLE' });
    await world.clock.advance(1);
    expect(await source.look()).toEqual([]);
    await expect(source.look()).rejects.toMatchObject({ code: 'ROUTER_UNREACHABLE' });
    pair.startAppliance();
    pair.startRouter(['203.0.113.0/24']);
    expect(await changed()).toEqual(['203.0.113.0/24']);
  });
});

describe('talking to BIRD', () => {
  let folder: string;
  let server: Server | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'oca-ctl-'));
  });

  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    rmSync(folder, { recursive: true });
  });

  const listening = (onLine: (line: string, write: (text: string) => void) => void): Promise<string> =>
    new Promise((resolve) => {
      const file = join(folder, 'bird.ctl');
      server = createServer((socket) => {
        socket.write('0001 BIRD 2.0.12 ready.\n');
        socket.on('data', (bytes) => {
          for (const line of String(bytes).trim().split('\n')) onLine(line, (text) => socket.write(text));
        });
        socket.on('error', () => undefined);
      });
      server.listen(file, () => resolve(file));
    });

  it('restricts the session before it asks, and gives the lines of the reply without their codes', async () => {
    const heard: string[] = [];
    const file = await listening((line, write) => {
      heard.push(line);
      if (line === 'restrict') return write('0016 Access restricted\n');
      // In two pieces, cut inside a line, with a log line in between.
      write('1007-first\n sec');
      write('ond\n+log line\n1008-\tthird\n0000 \n');
    });
    const lines: string[] = [];
    await askBird(file, 'show route all', systemWorld.clock, (text) => lines.push(text));
    expect(heard).toEqual(['restrict', 'show route all']);
    expect(lines).toEqual(['first', 'second', '\tthird']);
  });

  it.each([
    ['an error', '9001 syntax error\n', /syntax error/],
    ['an end without a reply', undefined, /closed the connection/],
  ])('says that BIRD does not answer: %s', async (_name, reply, detail) => {
    const file = await listening((_line, write) => write(reply ?? '0016 Access restricted\n'));
    if (reply === undefined) server?.on('connection', (socket) => socket.end());
    await expect(askBird(file, 'show route', systemWorld.clock, () => undefined)).rejects.toMatchObject({
      code: 'ROUTER_UNREACHABLE',
      detail: expect.stringMatching(detail) as string,
    });
  });

  it('says where there is no socket', async () => {
    await expect(askBird(join(folder, 'none'), 'show route', systemWorld.clock, () => undefined)).rejects.toMatchObject(
      {
        code: 'ROUTER_UNREACHABLE',
      },
    );
  });
});
