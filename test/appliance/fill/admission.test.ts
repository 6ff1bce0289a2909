import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { VolumeSpace } from '../../../appliance/store/volume/volume-space.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const MIB = 2 ** 20;
const headers = { 'cache-control': 'max-age=600' };
let rig: ApplianceRig;

// Which rule is in force is the eviction policy's affair; here every block has to be offered twice.
beforeEach(async () => {
  const offered = new Set<string>();
  vi.spyOn(VolumeSpace.prototype, 'admits').mockImplementation(({ key }, block) => offered.has(`${key} ${block}`));
  vi.spyOn(VolumeSpace.prototype, 'offered').mockImplementation(({ key }, block) => {
    offered.add(`${key} ${block}`);
  });
  rig = await startAppliance();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rig.stop();
});

it('serves what it does not store, says so, and stores it the second time', async () => {
  const bytes = patterned(3 * MIB + 100);
  rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers });
  const first = await ask(`${rig.url}/film.mp4`);
  expect(first.body.equals(bytes)).toBe(true);
  expect(first.headers['cache-status']).toContain('fwd=');
  expect(first.headers['cache-status']).not.toContain('stored');
  const second = await ask(`${rig.url}/film.mp4`);
  expect(second.body.equals(bytes)).toBe(true);
  expect(second.headers['cache-status']).toContain('stored');
  const third = await ask(`${rig.url}/film.mp4`);
  expect(third.body.equals(bytes)).toBe(true);
  expect(third.headers['cache-status']).toContain('hit');
});

it('fetches once for all who come at the same time, stored or not', async () => {
  const bytes = patterned(2 * MIB);
  rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers });
  rig.origin.isHeld = true;
  const asking = Array.from({ length: 10 }, () => ask(`${rig.url}/film.mp4`));
  const request = await rig.origin.arrival();
  await until(async () => (await activeRequests()) === 10);
  rig.origin.isHeld = false;
  request.release();
  const answers = await Promise.all(asking);
  for (const answer of answers) expect(answer.body.equals(bytes)).toBe(true);
  expect(rig.origin.sentBytes).toBeLessThan(3 * MIB);
});

async function activeRequests(): Promise<number> {
  const state = JSON.parse((await ask(`${rig.adminUrl}/v1/state`)).body.toString()) as {
    load: { activeRequests: number };
  };
  return state.load.activeRequests;
}
