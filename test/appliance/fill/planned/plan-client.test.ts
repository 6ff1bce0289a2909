import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldPlan } from '../../../../appliance/fill/planned/held-plan.ts';
import { PlanClient, type PollOutcome } from '../../../../appliance/fill/planned/plan-client.ts';
import { PlanFile } from '../../../../appliance/fill/planned/plan-file.ts';
import { judgePlan } from '../../../../appliance/fill/planned/taking/judge-plan.ts';
import { EnrolledService } from '../../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../../src/client/http-client.ts';
import { type Identity, loadOrCreateIdentity } from '../../../../src/signing/identity.ts';
import { signDocument } from '../../../../src/signing/signed-document.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { sampleManifest, samplePlan, samplePlanFile } from '../../../support/sample-plan.ts';
import { ServiceStandIn } from '../../../support/service-stand-in.ts';

const POLL_MS = 30_000;

let dir: string;
let world: FakeWorld;
let planner: ServiceStandIn;
let http: HttpClient;
let polls: PollOutcome[];
let running: { client: PlanClient; service: EnrolledService; held: HeldPlan }[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-plan-client-'));
  world = new FakeWorld();
  planner = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 8 });
  polls = [];
  running = [];
});

afterEach(async () => {
  await stopAll();
  await http.destroy();
  await planner.stop();
  await rm(dir, { recursive: true });
});

async function stopAll(): Promise<void> {
  for (const { client, service } of running) {
    const stopped = Promise.all([client.stop(1000), service.stop(1000)]);
    await world.clock.advance(1000);
    await stopped;
  }
  running = [];
}

async function start(token = planner.mintToken('a1')): Promise<{ held: HeldPlan; client: PlanClient }> {
  const service = new EnrolledService({
    name: 'planner',
    baseUrl: planner.url,
    token,
    allowUnsigned: false,
    role: 'appliance',
    identity: loadOrCreateIdentity('a1', join(dir, 'identity.pem')),
    stateFile: join(dir, 'enrolment.json'),
    http,
    world,
    logger: silentLogger,
    timeoutMs: 5000,
    maxAnswerBytes: 10_000_000,
  });
  const file = new PlanFile(dir);
  const held = new HeldPlan(file);
  const client = new PlanClient({
    applianceId: 'a1',
    service,
    held,
    file,
    world,
    logger: silentLogger,
    planPollMs: POLL_MS,
    onPoll: (outcome) => polls.push(outcome),
  });
  await service.start();
  await client.start();
  running.push({ client, service, held });
  return { held, client };
}

const polled = (count: number): Promise<void> =>
  world.clock.advanceUntil(() => polls.length >= count, { stepMs: 1000 });

function samples(count: number, signer: Identity = planner.identity) {
  return Array.from({ length: count }, (_, index) => sampleManifest(`/film/v${index}.mp4`, 3000 + index, signer));
}

it('goes on by the plan before, as a whole, when the folder of manifests cannot be read', async () => {
  const held = new HeldPlan(new PlanFile(dir));
  const [before, after] = [1, 2].map((planVersion) => samplePlan(planner.identity, [], { planVersion }));
  if (before === undefined || after === undefined) throw new Error('no plans');
  held.hold(before);
  await rm(join(dir, 'manifests'), { recursive: true });
  await writeFile(join(dir, 'manifests'), '');
  expect(() => held.hold(after)).toThrow(expect.objectContaining({ code: 'VOLUME_IO' }));
  expect(held.plan).toBe(before);
});

describe('the plan client', () => {
  it('takes a plan that the pinned key signed, and the manifests of its files', async () => {
    const manifests = samples(6);
    planner.addManifests(manifests);
    planner.setPlan(
      samplePlan(
        planner.identity,
        manifests.map((manifest) => samplePlanFile(manifest)),
      ),
    );
    const { held } = await start();
    await world.clock.advanceUntil(() => held.plan !== undefined && held.missingManifests().length === 0);
    expect(held.plan?.planVersion).toBe(1);
    expect(held.find('/film/v3.mp4')?.manifest).toEqual(manifests[3]);
    expect(held.find('/film/v9.mp4')).toBeUndefined();
  });

  it('asks again only for what is newer', async () => {
    planner.setPlan(samplePlan(planner.identity, []));
    await start();
    await polled(3);
    expect(polls.slice(0, 3)).toEqual(['taken', 'unchanged', 'unchanged']);
  });

  it('takes no plan for none, and keeps the one it has when the planner has none any more', async () => {
    const { held } = await start();
    await polled(1);
    expect(polls).toEqual(['none']);
    planner.setPlan(samplePlan(planner.identity, []));
    await polled(2);
    planner.plan = undefined;
    await polled(3);
    expect(polls).toEqual(['none', 'taken', 'none']);
    expect(held.plan?.planVersion).toBe(1);
  });

  it('keeps its plan when a broken, foreign or forged one comes, and takes the next good one', async () => {
    planner.setPlan(samplePlan(planner.identity, []));
    const { held } = await start();
    await polled(1);
    const other = loadOrCreateIdentity('service', join(dir, 'other.pem'));
    const good = samplePlan(planner.identity, [], { planVersion: 2 });
    const bad: unknown[] = [
      samplePlan(other, [], { planVersion: 2 }),
      { ...good, planVersion: 3 },
      samplePlan(planner.identity, [], { planVersion: 2, applianceId: 'a2' }),
      signDocument({ version: 1, planVersion: 2 }, planner.identity),
      ['nonsense'],
    ];
    for (const [index, document] of bad.entries()) {
      planner.plan = { etag: `"bad${index}"`, document };
      await polled(index + 2);
      expect(polls.at(-1)).toBe('refused');
      expect(held.plan?.planVersion).toBe(1);
    }
    planner.setPlan(good);
    await polled(bad.length + 2);
    expect(held.plan?.planVersion).toBe(2);
  });

  it('goes on with the kept plan and manifests after a restart while the planner is away', async () => {
    const manifests = samples(2);
    planner.addManifests(manifests);
    planner.setPlan(samplePlan(planner.identity, [samplePlanFile(manifests[0]!), samplePlanFile(manifests[1]!)]));
    const { held } = await start();
    await world.clock.advanceUntil(() => held.plan !== undefined && held.missingManifests().length === 0);
    await stopAll();
    await planner.goAway();
    const { held: again } = await start('');
    expect(again.plan).toEqual(held.plan);
    expect(again.find('/film/v1.mp4')?.manifest).toEqual(manifests[1]);
    await polled(2);
    expect(polls.at(-1)).toBe('failed');
    await planner.comeBack();
  });

  it('fetches again what a disk tore: plan and manifests', async () => {
    const [manifest] = samples(1);
    planner.addManifests([manifest!]);
    planner.setPlan(samplePlan(planner.identity, [samplePlanFile(manifest!)]));
    const { held } = await start();
    await world.clock.advanceUntil(() => held.plan !== undefined && held.missingManifests().length === 0);
    await stopAll();
    const manifestFile = join(dir, 'manifests', `${manifest!.root}.json`);
    const text = await readFile(manifestFile, 'utf8');
    await writeFile(manifestFile, text.replace('"blockHashes":"', '"blockHashes":"AA'));
    await writeFile(join(dir, 'plan.json'), '{"version":1,"pl');
    polls = [];
    const { held: again } = await start('');
    expect(again.plan).toBeUndefined();
    await polled(1);
    await world.clock.advanceUntil(() => again.find('/film/v0.mp4') !== undefined);
    expect(again.find('/film/v0.mp4')?.manifest.root).toBe(manifest!.root);
  });

  it('does not use a kept plan that somebody changed', async () => {
    planner.setPlan(samplePlan(planner.identity, []));
    await start();
    await polled(1);
    await stopAll();
    const kept = await readFile(join(dir, 'plan.json'), 'utf8');
    await writeFile(join(dir, 'plan.json'), kept.replace('"planVersion":1', '"planVersion":7'));
    await planner.goAway();
    const { held } = await start('');
    expect(held.plan).toBeUndefined();
    await planner.comeBack();
  });

  it('refuses a manifest with another root, other hashes or another key, and asks again', async () => {
    const [manifest, other] = samples(2);
    const forger = loadOrCreateIdentity('service', join(dir, 'forger.pem'));
    const [forged] = samples(1, forger);
    planner.setPlan(samplePlan(planner.identity, [samplePlanFile(manifest!)]));
    const { held } = await start();
    const request = `GET /v1/file-manifest/${manifest!.root}`;
    const tries = (): number => planner.asked.filter((asked) => asked === request).length;
    for (const wrong of [other, forged, { ...manifest, blockHashes: other!.blockHashes }, { version: 9 }]) {
      planner.manifests.set(manifest!.root, wrong);
      const before = tries();
      await world.clock.advanceUntil(() => tries() >= before + 2);
      expect(held.find('/film/v0.mp4')).toBeUndefined();
    }
    planner.addManifests([manifest!]);
    await world.clock.advanceUntil(() => held.find('/film/v0.mp4') !== undefined);
  });

  it('fetches the other manifests when the planner lacks one', async () => {
    const manifests = samples(9);
    planner.addManifests(manifests.slice(1));
    planner.setPlan(
      samplePlan(
        planner.identity,
        manifests.map((manifest) => samplePlanFile(manifest)),
      ),
    );
    const { held } = await start();
    await world.clock.advanceUntil(() => held.plan !== undefined && held.missingManifests().length === 1);
    expect(held.missingManifests()).toEqual([manifests[0]!.root]);
  });

  it('forgets the manifests that the new plan does not need', async () => {
    const manifests = samples(3);
    planner.addManifests(manifests);
    planner.setPlan(
      samplePlan(
        planner.identity,
        manifests.map((manifest) => samplePlanFile(manifest)),
      ),
    );
    const { held } = await start();
    await world.clock.advanceUntil(() => held.plan !== undefined && held.missingManifests().length === 0);
    planner.setPlan(samplePlan(planner.identity, [samplePlanFile(manifests[1]!)], { planVersion: 2 }));
    await world.clock.advanceUntil(() => held.plan?.planVersion === 2);
    expect(await readdir(join(dir, 'manifests'))).toEqual([`${manifests[1]!.root}.json`]);
    expect(held.find('/film/v0.mp4')).toBeUndefined();
  });

  it('goes by a new plan also when it cannot be kept on disk', async () => {
    await mkdir(join(dir, 'plan.json.new'));
    planner.setPlan(samplePlan(planner.identity, []));
    const { held } = await start();
    await polled(1);
    expect(held.plan?.planVersion).toBe(1);
  });
});

describe('judging a plan', () => {
  const at = (planVersion: number, createdAtMs: number) =>
    samplePlan(planner.identity, [], { planVersion, createdAtMs });
  const judge = (document: unknown, inForce: ReturnType<typeof at> | undefined) =>
    judgePlan(document, { applianceId: 'a1', publicKey: planner.identity.publicKey, inForce });

  it('takes a later one, by number or by date, and says when its number goes back', () => {
    expect(judge(at(2, 1000), at(1, 1000))).toMatchObject({ kind: 'take', goesBack: false });
    expect(judge(at(1, 2000), at(1, 1000))).toMatchObject({ kind: 'take', goesBack: false });
    expect(judge(at(3, 2000), at(5, 1000))).toMatchObject({ kind: 'take', goesBack: true });
    expect(judge(at(6, 500), at(5, 1000))).toMatchObject({ kind: 'take', goesBack: false });
  });

  it('refuses an old one that is sent again, and knows the one in force', () => {
    expect(judge(at(4, 900), at(5, 1000))).toMatchObject({ kind: 'refuse' });
    expect(judge(at(4, 1000), at(5, 1000))).toMatchObject({ kind: 'refuse' });
    expect(judge(at(5, 1000), at(5, 1000))).toEqual({ kind: 'have' });
  });

  it('refuses files of renditions that it does not list', () => {
    const [manifest] = samples(1);
    const document = samplePlan(planner.identity, [samplePlanFile(manifest!, { rendition: 3 })], {
      renditions: ['t/r'],
    });
    expect(judge(document, undefined)).toMatchObject({ kind: 'refuse' });
  });

  it('covers members by the signature that this version does not know', () => {
    const future = signDocument({ ...at(2, 2000), signature: undefined, news: 1 }, planner.identity) as object;
    expect(judge(future, undefined)).toMatchObject({ kind: 'take' });
    expect(judge({ ...future, news: 2 }, undefined)).toMatchObject({ kind: 'refuse' });
  });
});
