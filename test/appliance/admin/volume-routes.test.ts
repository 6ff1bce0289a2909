import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { VolumeState } from '../../../appliance/store/object-store.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

let dir: string;
let origin: GatedOrigin;
let rig: ApplianceRig;

const start = (): Promise<ApplianceRig> =>
  startAppliance({ dir, origin, flags: { state: join(dir, 'state'), volumeDrainMs: '20' } });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'oca-volumes-'));
  origin = await GatedOrigin.start();
  rig = await start();
});

afterEach(async () => {
  await rig.stop();
  await origin.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: object): Promise<{ status: number; body: never }> {
  const content = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${rig.adminUrl}${path}`, { method, ...content });
  return { status: response.status, body: (await response.json()) as never };
}

const list = async () => ((await call('GET', '/v1/volumes')).body as { volumes: VolumeState[] }).volumes;

it('lists, adds, drains, removes and re-initialises volumes while viewers are served, and remembers it', async () => {
  const bytes = patterned(2 * 2 ** 20);
  origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
  const second = join(dir, 'second');
  const id = encodeURIComponent(second);
  expect(await list()).toMatchObject([{ dir: join(dir, 'volume'), state: 'online', writes: 'taken' }]);
  const added = await call('POST', '/v1/volumes', { dir: second, capacityBytes: 1e8 });
  expect(added).toMatchObject({ status: 200, body: { volume: { dir: second, state: 'online' } } });
  for (const verb of ['drain', 'drain', 'undrain', 'reinit', 'drain']) {
    expect((await call('POST', `/v1/volumes/${id}/${verb}`)).status).toBe(200);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
  }
  await rig.stop();
  rig = await start();
  expect(await list()).toMatchObject([{ state: 'online' }, { dir: second, isDraining: true, capacityBytes: 1e8 }]);
  const { uuid } = (await list())[1]!;
  expect((await call('POST', `/v1/volumes/${uuid}/remove`)).body).toMatchObject({ removed: [second] });
  expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
});

it('says what is wrong, and what there is', async () => {
  expect(await call('POST', '/v1/volumes', { dir: 'relative' })).toMatchObject({ status: 400 });
  expect(await call('POST', '/v1/volumes', { capacityBytes: 5 })).toMatchObject({ status: 400 });
  const unknown = await call('POST', '/v1/volumes/nowhere/drain');
  expect(unknown).toMatchObject({ status: 404, body: { detail: expect.stringContaining(join(dir, 'volume')) } });
});

it('is unready, and says why, when the only disk is away, and serves all the same', async () => {
  const bytes = patterned(2 ** 20);
  origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
  await rig.stop();
  rmSync(join(dir, 'volume'), { recursive: true });
  rig = await start();
  await until(async () => (await fetch(`${rig.adminUrl}/readyz`)).status === 503);
  const { reasons } = (await call('GET', '/readyz')).body as { reasons: string[] };
  expect(reasons.join()).toContain('is not mounted');
  expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
  expect((await call('POST', `/v1/volumes/${encodeURIComponent(join(dir, 'volume'))}/reinit`)).status).toBe(200);
  await until(async () => (await fetch(`${rig.adminUrl}/readyz`)).status === 200);
});

it('does not start twice on one state', async () => {
  await expect(startAppliance({ origin, flags: { state: join(dir, 'state') } })).rejects.toMatchObject({
    code: 'STATE_IN_USE',
  });
});
