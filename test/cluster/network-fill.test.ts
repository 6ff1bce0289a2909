import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually, IN_TIME, RunningNetwork } from './support/running-network.ts';

// Every wait has its own, shorter deadline, which says what did not happen.
vi.setConfig({ testTimeout: 180_000 });

const MIB = 2 ** 20;
const RANGES = 24;
const bytes = randomBytes(5 * MIB + 321);
const folder = mkdtempSync(join(tmpdir(), 'oca-unplanned-'));
let network: RunningNetwork;

/** A daily hour that begins half a day from now: closed for as long as any test runs. */
function windowFarAway(): { timeZone: string; start: string; hours: number } {
  const hour = (new Date().getUTCHours() + 12) % 24;
  return { timeZone: 'UTC', start: `${String(hour).padStart(2, '0')}:00`, hours: 1 };
}

beforeAll(async () => {
  writeFileSync(join(folder, 'film.bin'), bytes);
  network = RunningNetwork.create({
    fillWindow: windowFarAway(),
    mounts: { '/unplanned': folder },
    // On a machine that is slow enough a second source would be asked for a block, and the counts are exact.
    parameters: { appliance: { hedgeShare: 0 } },
  });
  await network.prepare(() => undefined);
});

afterAll(async () => {
  await network.end();
  rmSync(folder, { recursive: true, force: true });
});

test('outside the window no byte moves; inside, the origin sends every byte once for the whole fleet', async () => {
  const ids = network.applianceIds;
  await network.planNow();
  await eventually(async () => {
    const states = await Promise.all(ids.map((id) => network.describe(id)));
    return states.every(({ control }) => control.plan?.manifestsMissing === 0 && control.plan.fill === 'waiting');
  });
  // They have all that a fill needs, but for the window; two more polls show that they go on leaving it alone.
  for (const id of ids) {
    const polls = await network.metric(id, 'appliance_plan_polls_total');
    await eventually(async () => (await network.metric(id, 'appliance_plan_polls_total')) >= polls + 2);
  }
  expect(await network.originStats()).toMatchObject({ bytes: 0, requests: 0 });
  await expect.poll(() => network.leftOut('viewer'), IN_TIME).toEqual(ids.map((id) => `${id} lacks-title`));

  await network.planNow(60);
  await network.waitForFill(() => undefined);
  const { paths } = await network.originStats();
  const { renditions } = await network.catalogueTitle();
  const files = renditions.flatMap((rendition) => rendition.files);
  expect(Object.fromEntries(Object.entries(paths).map(([path, count]) => [path, count?.bytes]))).toEqual(
    Object.fromEntries(files.map(({ path, sizeBytes }) => [path, sizeBytes])),
  );

  const titleBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const reports = await network.fillReports();
  const sum = (kind: 'peer' | 'tier' | 'origin'): number =>
    reports.reduce((total, { filledBytes }) => total + filledBytes[kind], 0);
  // One site fetches from the origin and its second appliance from the first; the other site fetches across.
  expect([sum('origin'), sum('peer'), sum('tier')]).toEqual([titleBytes, titleBytes, titleBytes]);
  expect(reports.every(({ planBytes, heldBytes }) => planBytes === titleBytes && heldBytes === titleBytes)).toBe(true);
});

test('what is held reaches steering, and every appliance serves it byte for byte', async () => {
  await expect
    .poll(async () => (await network.explained('viewer')).candidates.map(({ held }) => held.share), IN_TIME)
    .toEqual(network.applianceIds.map(() => 1));
  const everybody = [...network.applianceIds, 'origin'];
  await expect.poll(async () => (await network.order('viewer')).toSorted(), IN_TIME).toEqual(everybody.toSorted());
  const before = await network.originStats();
  for (const id of network.applianceIds) {
    for (const name of ['v144.mp4', 'v240.mp4', 'v360.mp4', 'a48.mp4', 'manifest.mpd', 'v360.m3u8']) {
      const answer = await network.get(id, `/vod/bars/${name}`);
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-status']).toContain(`${id};hit`);
      expect(answer.body.equals(network.media(name)), `${id} ${name}`).toBe(true);
    }
  }
  expect((await network.originStats()).bytes).toBe(before.bytes);
});

test('a file that nobody planned is filled on demand, a block once per appliance, and any range is right', async () => {
  const [first = '', second = ''] = network.applianceIds;
  const path = '/unplanned/film.bin';
  const blockCount = Math.ceil(bytes.length / MIB);
  for (const [index, id] of [first, second].entries()) {
    await Promise.all(
      Array.from({ length: RANGES }, async () => {
        const start = Math.floor(Math.random() * bytes.length);
        const end = Math.min(bytes.length, start + 1 + Math.floor(Math.random() * 2 * MIB));
        const answer = await network.get(id, path, { headers: { range: `bytes=${start}-${end - 1}` } });
        expect(answer.status).toBe(206);
        expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${bytes.length}`);
        expect(answer.body.equals(bytes.subarray(start, end)), `${id} ${start}-${end}`).toBe(true);
      }),
    );
    expect((await network.get(id, path)).body.equals(bytes)).toBe(true);
    expect((await network.get(id, path, { headers: { range: 'bytes=-1' } })).headers['cache-status']).toContain('hit');
    const asked = (await network.originStats()).paths[path];
    expect(asked?.bytes).toBe((index + 1) * bytes.length);
    expect(asked?.requests).toBeLessThanOrEqual((index + 1) * blockCount);
  }
});
