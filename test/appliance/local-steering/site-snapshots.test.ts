import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SiteSnapshots } from '../../../appliance/local-steering/site-snapshots.ts';
import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import type { ServiceAnswer } from '../../../src/client/service-client.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { type Identity, loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { signDocument } from '../../../src/signing/signed-document.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let dir: string;
let world: FakeWorld;
let steering: Identity;
let answers: (() => ServiceAnswer)[];
let asked: (string | undefined)[];
const running: SiteSnapshots[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-snapshots-'));
  world = new FakeWorld();
  steering = loadOrCreateIdentity('steering', join(dir, 'steering.pem'));
  answers = [];
  asked = [];
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

const documentOf = (changes: object = {}, by = steering): object =>
  signDocument(
    {
      version: 1,
      siteId: 'north',
      issuedAtMs: world.clock.nowMs(),
      notAfterMs: world.clock.nowMs() + 60_000,
      steeringUrl: 'https://steer.example',
      ttlSec: 30,
      appliances: [{ id: 'a1', baseUrl: 'http://a1.example', weight: 1 }],
      ...changes,
    },
    by,
  );
const says = (body: object) => (): ServiceAnswer => ({ kind: 'body', body, etag: '"1"' });

/** One that has asked as often as there are answers. */
async function open(): Promise<SiteSnapshots> {
  const service = {
    publicKey: steering.publicKey,
    usable: () => Promise.resolve(),
    get: (_target: string, etag?: string): Promise<ServiceAnswer> => {
      asked.push(etag);
      const next = answers.shift();
      if (next === undefined) return Promise.reject(new OperationalError('SERVICE_UNREACHABLE', 'steering is away'));
      return Promise.resolve(next());
    },
  } as unknown as EnrolledService;
  const snapshots = new SiteSnapshots({
    siteId: 'north',
    stateDir: dir,
    steering: service,
    pollMs: 1000,
    world,
    logger: silentLogger,
  });
  running.push(snapshots);
  const before = asked.length;
  const wanted = before + answers.length + 1;
  await snapshots.start();
  await world.clock.advanceUntil(() => asked.length >= wanted, { stepMs: 100 });
  return snapshots;
}

it('takes what steering signed, asks on with its tag, and keeps it for a start without steering', async () => {
  answers = [says(documentOf())];
  expect((await open()).current()?.appliances).toHaveLength(1);
  expect(asked).toEqual([undefined, '"1"']);
  expect((await open()).current()?.steeringUrl).toBe('https://steer.example');
});

it('is over at its end', async () => {
  answers = [says(documentOf())];
  const snapshots = await open();
  await world.clock.advance(60_000);
  expect(snapshots.current()).toBeUndefined();
});

it('refuses what somebody else signed, what is of another site, and what is no snapshot, and keeps what it had', async () => {
  const stranger = loadOrCreateIdentity('steering', join(dir, 'stranger.pem'));
  answers = [
    says(documentOf({ ttlSec: 31 })),
    says(documentOf({ ttlSec: 32 }, stranger)),
    says(documentOf({ ttlSec: 33, siteId: 'south' })),
    says({ ...documentOf({ ttlSec: 34 }), ttlSec: 35 }),
    says({}),
  ];
  expect((await open()).current()?.ttlSec).toBe(31);
});

it('does not believe its own disk', async () => {
  answers = [says(documentOf())];
  await open();
  const file = join(dir, 'site-snapshot.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('http://a1.example', 'http://evil.example'));
  expect((await open()).current()).toBeUndefined();
});
