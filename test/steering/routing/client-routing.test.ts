import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { locateClient } from '../../../steering/answer/locate-client.ts';
import { ClientRouting } from '../../../steering/routing/client-routing.ts';
import { ROUTING_PARAMETERS } from '../../../steering/routing/routing-parameters.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { writeMmdb } from './geo/mmdb-writer.ts';
import { manyPrefixes, report } from './reports/reports.ts';

const IN_TIME = { timeout: 10_000, interval: 10 };
const SILENT_MS = 60_000;
const HOLD_MS = 5000;

let folder: string;
let world: FakeWorld;
let routing: ClientRouting;
let silentMs: number;
let states: string[];

const file = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-routing-'));
  world = new FakeWorld();
  silentMs = 0;
  states = [];
});

afterEach(async () => {
  await routing.stop(5000);
  rmSync(folder, { recursive: true });
});

async function start(flags: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const config = loadConfig(ROUTING_PARAMETERS, {
    flags: { prefixPollMs: 100, silentRoutesMs: SILENT_MS, routesHoldMs: HOLD_MS, routesHoldPrefixes: 10, ...flags },
    environment: {},
  });
  routing = new ClientRouting({
    config: { ...config, state: folder },
    world,
    logger: silentLogger,
    silentMs: () => silentMs,
    networkOf: () => undefined,
    onFileState: (name, state) => void states.push(`${name} ${state}`),
    onReportState: ({ held }) => void states.push(`${held} held`),
  });
  await routing.start();
}

const siteOf = (address: string): string | undefined => locateClient(address, routing.current()).siteId;

/** Replaces a file as tools do, in one step, and lets the service look at it. */
async function replace(name: string, content: string | Buffer): Promise<void> {
  writeFileSync(file('new'), content);
  renameSync(file('new'), file(name));
  await world.clock.advance(150);
}

const send = (...[id, site, routes, at]: Parameters<typeof report>) =>
  routing.reports.take(Buffer.from(JSON.stringify(report(id, site, routes, at))), undefined);

test('reports come into the table beside the event loop, and survive a restart', async () => {
  await start();
  expect(await send('a', 'north', ['8.8.8.0/24', '0.0.0.0/0'])).toMatchObject({ kind: 'taken', routes: 1 });
  await expect.poll(() => siteOf('8.8.8.8'), IN_TIME).toBe('north');
  const { version } = routing.current();
  await routing.stop(5000);
  await start();
  expect(siteOf('8.8.8.8')).toBe('north');
  expect(routing.current().version).toBe(version);
  expect(await send('a', 'north', [], 1)).toEqual({ kind: 'old' });
});

test('what is no report changes nothing and is told', async () => {
  await start({ maxReportedRoutes: 1 });
  expect(await routing.reports.take(Buffer.from('{'), undefined)).toMatchObject({ kind: 'malformed' });
  expect(await routing.reports.take(Buffer.from('{"version":1}'), undefined)).toMatchObject({ kind: 'malformed' });
  expect(await send('a', 'north', ['8.8.8.0/24', '9.9.9.0/24'])).toEqual({ kind: 'too-many', routes: 2 });
  const body = Buffer.from(JSON.stringify(report('a', 'north', ['8.8.8.0/24'])));
  expect(await routing.reports.take(body, 'b')).toEqual({ kind: 'not-yours', applianceId: 'a' });
  expect(await routing.reports.summaries()).toEqual([]);
});

test('routes of an appliance that is gone for long do not count, and do again when it is heard', async () => {
  await start();
  await send('a', 'north', ['8.8.8.0/24']);
  await expect.poll(() => siteOf('8.8.8.8'), IN_TIME).toBe('north');
  silentMs = SILENT_MS - 1;
  await world.clock.advance(3000);
  expect(siteOf('8.8.8.8')).toBe('north');
  silentMs = SILENT_MS;
  await world.clock.advance(3000);
  await expect.poll(() => siteOf('8.8.8.8'), IN_TIME).toBeUndefined();
  expect(await routing.reports.summaries()).toMatchObject([{ applianceId: 'a', silent: true }]);
  silentMs = 0;
  await world.clock.advance(3000);
  await expect.poll(() => siteOf('8.8.8.8'), IN_TIME).toBe('north');
});

test('a held change of reports counts when it has lasted, without another report', async () => {
  await start();
  await send('a', 'north', manyPrefixes(20, 40));
  await expect.poll(() => siteOf('20.0.0.1'), IN_TIME).toBe('north');
  await send('a', 'north', [], 2000);
  await expect.poll(() => states.at(-1), IN_TIME).toBe('1 held');
  expect(routing.reports.held?.applianceIds).toEqual(['a']);
  await world.clock.advance(HOLD_MS + 2000);
  await expect.poll(() => siteOf('20.0.0.1'), IN_TIME).toBeUndefined();
});

test('an operator lets held reports and files count at once', async () => {
  writeFileSync(
    file('p.csv'),
    manyPrefixes(30, 40)
      .map((prefix) => `${prefix},south`)
      .join('\n'),
  );
  await start({ prefixes: file('p.csv') });
  await send('a', 'north', manyPrefixes(20, 40));
  await expect.poll(() => siteOf('20.0.0.1'), IN_TIME).toBe('north');
  await send('a', 'north', [], 2000);
  await replace('p.csv', '');
  await expect.poll(() => states, IN_TIME).toEqual(expect.arrayContaining(['1 held', 'prefixes held']));
  expect(siteOf('30.0.0.1')).toBe('south');
  expect(routing.heldFiles()).toEqual(['100 % of all addresses that had a site lose or change it']);
  expect(await routing.accept()).toBe(true);
  expect([siteOf('20.0.0.1'), siteOf('30.0.0.1')]).toEqual([undefined, undefined]);
  expect(await routing.accept()).toBe(false);
});

test('files and databases are read again when they change; a broken one changes nothing', async () => {
  const asns = (asn: number) => writeMmdb({ '20.0.0.0/8': { autonomous_system_number: asn } });
  writeFileSync(file('asn.mmdb'), asns(64500));
  writeFileSync(file('networks.json'), '{"asn":{"64500":{"site":"north"},"64501":{"site":"south"}}}');
  writeFileSync(file('costs.csv'), '20.0.0.0/8,north,1');
  await start({ asnDatabase: file('asn.mmdb'), networkMap: file('networks.json'), costMap: file('costs.csv') });
  expect(locateClient('20.0.0.1', routing.current())).toMatchObject({
    evidence: 'asn',
    siteId: 'north',
    siteCosts: new Map([['north', 1]]),
  });
  await replace('asn.mmdb', asns(64500).subarray(0, 100));
  await expect.poll(() => states, IN_TIME).toContain('asn-database broken');
  await replace('networks.json', '{"asn":[]}');
  await replace('costs.csv', '20.0.0.0/8,north,much');
  await expect.poll(() => states, IN_TIME).toEqual(expect.arrayContaining(['networks broken', 'costs broken']));
  expect(siteOf('20.0.0.1')).toBe('north');
  await replace('asn.mmdb', asns(64501));
  await replace('networks.json', '{"asn":{"64501":{"site":"west"}}}');
  await expect.poll(() => siteOf('20.0.0.1'), IN_TIME).toBe('west');
});

test('a broken database at the start is a warning, and routes still place clients', async () => {
  writeFileSync(file('asn.mmdb'), 'nothing');
  writeFileSync(file('p.csv'), '8.8.8.0/24,north');
  await start({ asnDatabase: file('asn.mmdb'), countryDatabase: file('missing.mmdb'), prefixes: file('p.csv') });
  expect(states).toEqual(expect.arrayContaining(['asn-database broken', 'country-database broken', 'prefixes good']));
  expect(siteOf('8.8.8.8')).toBe('north');
});

test('a policy that is none is refused at the start', async () => {
  await start();
  await routing.stop(5000);
  await expect(start({ routePolicies: ['64500:666=drop'] })).rejects.toThrow(/--route-policies '64500:666=drop'/);
});
