import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseSiteSnapshot } from '../../../src/contracts/site-snapshot.ts';
import { documentVerifies } from '../../../src/signing/signed-document.ts';
import { heartbeat } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

let rig: SteeringRig;

beforeEach(async () => {
  rig = await new SteeringRig({ publicUrl: 'https://steer.example', siteSnapshotSec: 800 }).start();
});
afterEach(() => rig.stop());

it('tells an appliance its site, signed with the key that it pinned at enrolment', async () => {
  const enrolled = (await (await rig.enrol('a1')).json()) as { publicKey: string };
  for (const id of ['a2', 'a1']) await rig.beat(heartbeat(id));
  await rig.beat(heartbeat('b1', { siteId: 'south' }));
  const document: unknown = await rig.json('/v1/site-snapshot/north');
  expect(documentVerifies(document, enrolled.publicKey)).toBe(true);
  const snapshot = parseSiteSnapshot(document);
  expect(snapshot).toMatchObject({
    siteId: 'north',
    steeringUrl: 'https://steer.example',
    appliances: [
      { id: 'a1', baseUrl: 'http://a1.example:8080', weight: 1e9 },
      { id: 'a2', baseUrl: 'http://a2.example:8080', weight: 1e9 },
    ],
  });
  expect(snapshot.notAfterMs - rig.world.clock.nowMs()).toBeGreaterThanOrEqual(800_000);
});

it('says that nothing changed until somebody came or an eighth of its time is over', async () => {
  await rig.beat(heartbeat('a1'));
  const etag = (await rig.get('/v1/site-snapshot/north')).headers.get('etag') ?? '';
  const ask = async (): Promise<number> => (await rig.get('/v1/site-snapshot/north', { 'if-none-match': etag })).status;
  expect(await ask()).toBe(304);
  await rig.beat(heartbeat('a2'));
  expect(await ask()).toBe(200);
});

it('answers nobody who is not enrolled', async () => {
  const strict = await new SteeringRig({ allowUnsignedLoopback: false }).start();
  try {
    expect((await strict.get('/v1/site-snapshot/north')).status).toBe(401);
  } finally {
    await strict.stop();
  }
});
