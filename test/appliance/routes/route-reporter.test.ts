import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileRoutes } from '../../../appliance/routes/file-routes.ts';
import { RouteReporter } from '../../../appliance/routes/route-reporter.ts';
import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { enrolledWith } from '../../support/enrolled-with.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { ServiceStandIn } from '../../support/service-stand-in.ts';

let dir: string;
let file: string;
let world: FakeWorld;
let steering: ServiceStandIn;
let http: HttpClient;
let service: EnrolledService;
let reporter: RouteReporter;
let warnings: unknown[];

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields) => void warnings.push(fields),
  error: () => undefined,
  child: () => logger,
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-routes-'));
  file = join(dir, 'routes.csv');
  world = new FakeWorld();
  steering = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
  service = enrolledWith(steering, dir, http, world);
  warnings = [];
  await service.start();
  await world.clock.advanceUntil(() => service.isUsable, { stepMs: 0 });
  reporter = new RouteReporter({
    applianceId: 'a1',
    siteId: 's1',
    source: new FileRoutes(file, logger),
    service,
    world,
    logger,
    onReport: () => undefined,
  });
});

afterEach(async () => {
  const stopped = Promise.all([reporter.stop(1000), service.stop(1000)]);
  await world.clock.advance(1000);
  await stopped;
  await http.destroy();
  await steering.stop();
  await rm(dir, { recursive: true });
});

const reports = (count: number): Promise<void> =>
  world.clock.advanceUntil(() => steering.routeReports.length >= count, { stepMs: 500 });
const prefixes = (): string[] | undefined => steering.routeReports.at(-1)?.routes.map(({ prefix }) => prefix);

describe('reporting routes', () => {
  it('reports the file, and again on every change', async () => {
    await writeFile(file, '192.0.2.0/24,2\n');
    await reporter.start();
    await reports(1);
    expect(steering.routeReports[0]).toMatchObject({
      applianceId: 'a1',
      siteId: 's1',
      routes: [{ prefix: '192.0.2.0/24', asPathLength: 2 }],
    });
    await writeFile(file, '192.0.2.0/24\n198.51.100.0/24\n');
    await reports(2);
    expect(prefixes()).toEqual(['192.0.2.0/24', '198.51.100.0/24']);
  });

  it('does not report what did not change, but repeats it within about an hour', async () => {
    await writeFile(file, '192.0.2.0/24\n');
    await reporter.start();
    await world.clock.advanceUntil(() => steering.routeReports.length === 2, { stepMs: 5000, limitMs: 20_000_000 });
    const [first, second] = steering.routeReports.map(({ reportedAtMs }) => reportedAtMs);
    expect(second! - first!).toBeGreaterThanOrEqual(3_200_000);
  });

  it('waits until the file has settled', async () => {
    await reporter.start();
    for (let size = 1; size < 20; size += 1) {
      await writeFile(file, `192.0.2.0/24\n${'#'.repeat(size)}`);
      // Shorter than the wait between two looks, so that no two of them see the same file.
      await world.clock.advance(1500);
    }
    expect(steering.routeReports).toEqual([]);
    await writeFile(file, '203.0.113.0/24\n');
    await reports(1);
    expect(prefixes()).toEqual(['203.0.113.0/24']);
  });

  it('reports what is right and names the lines that are not', async () => {
    await writeFile(file, '192.0.2.0/24\nnonsense\n');
    await reporter.start();
    await reports(1);
    expect(prefixes()).toEqual(['192.0.2.0/24']);
    expect(warnings).toEqual([expect.objectContaining({ problems: [expect.stringContaining('line 2')] })]);
  });

  it('takes a table dump, and withdraws nothing for a later one whose end is missing', async () => {
    const peers = '537f5d00000d0001000000080000000000000000';
    const route = (octet: string): string => `537f5d00000d00020000001200000000 18${octet}0002 0001 0000000000000000`;
    const dump = Buffer.from(`${peers}${route('c0')}${route('c6')}`.replaceAll(' ', ''), 'hex');
    await writeFile(file, dump);
    await reporter.start();
    await reports(1);
    expect(prefixes()).toEqual(['192.0.2.0/24', '198.0.2.0/24']);
    await writeFile(file, dump.subarray(0, dump.length - 5));
    await world.clock.advanceUntil(() => warnings.length > 0, { stepMs: 500 });
    expect(reporter.routeCount).toBe(2);
    expect(steering.routeReports).toHaveLength(1);
  });

  it('changes nothing when the file is gone or makes no sense', async () => {
    await writeFile(file, '192.0.2.0/24\n');
    await reporter.start();
    await reports(1);
    await unlink(file);
    await world.clock.advanceUntil(() => warnings.length === 1);
    await writeFile(file, '<html>login</html>\n');
    await world.clock.advanceUntil(() => warnings.length === 2);
    await world.clock.advance(20_000);
    expect(steering.routeReports).toHaveLength(1);
    expect(reporter.routeCount).toBe(1);
  });

  it('withdraws all routes for a file that is empty on purpose', async () => {
    await writeFile(file, '192.0.2.0/24\n');
    await reporter.start();
    await reports(1);
    await writeFile(file, '');
    await reports(2);
    expect(prefixes()).toEqual([]);
  });

  it('reports when steering is back', async () => {
    await steering.goAway();
    await writeFile(file, '192.0.2.0/24\n');
    await reporter.start();
    await world.clock.advanceUntil(() => warnings.length > 0);
    await steering.comeBack();
    await reports(1);
  });
});
