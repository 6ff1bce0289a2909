import { afterEach, beforeEach, expect, test } from 'vitest';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';
import { CycleRig } from './cycle-rig.ts';

const HOUR_MS = 3_600_000;
const FIRST_MS = Date.UTC(2030, 0, 20);
const SIZE_BYTES = 10_000_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let rig: CycleRig;

beforeEach(async () => {
  folder = await temporaryFolder();
  rig = new CycleRig(folder.path, FIRST_MS);
});

afterEach(async () => {
  rig.close();
  await folder[Symbol.asyncDispose]();
});

const site = { id: 's', timeZone: 'UTC', region: 'r', fillWindow: { start: '02:00', hours: 4 }, fillBitsPerSec: 1e9 };
const appliances = (count: number, capacityBytes: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: `a${at}`,
    clusterId: 'c',
    baseUrl: `http://a${at}.example`,
    capacityBytes,
  }));
const fleet = (count: number, capacityBytes: number) => ({
  sites: [site],
  clusters: [{ id: 'c', siteId: 's' }],
  appliances: appliances(count, capacityBytes),
});

/** Titles of one rendition each, and a day in which each was watched so many times. */
function watchedTitles(count: number, timesOf: (title: number) => number): void {
  for (let title = 0; title < count; title += 1) rig.addTitle(`t${title}`, [SIZE_BYTES]);
  for (let hour = 1; hour <= 24; hour += 1) {
    const bytes = Array.from(
      { length: count },
      (_, title) => [`/t${title}/v0.mp4`, (SIZE_BYTES * timesOf(title)) / 24] as const,
    );
    rig.watch('r', FIRST_MS - hour * HOUR_MS, new Map(bytes));
  }
}

const plannedBytes = (): number => rig.plan('a0')?.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;

test('a planner that is killed as it stores its plans does not spend the budget of the day again every hour', async () => {
  rig.setFleet(fleet(1, 1e12));
  watchedTitles(120, (title) => (title < 4 ? 6 : 0.4));
  const hourly: number[] = [];
  for (let hour = 0; hour < 4; hour += 1) {
    rig.nowMs = FIRST_MS + hour * HOUR_MS;
    const full = new OperationalError('VOLUME_FULL', 'rollout.sqlite');
    rig.parts.rollout.keep = () => {
      throw full;
    };
    await expect(rig.cycle()).rejects.toBe(full);
    hourly.push(plannedBytes());
    rig.reopen();
  }
  expect(hourly[0]).toBeGreaterThan(0);
  expect(hourly[0]).toBeLessThan(120 * SIZE_BYTES);
  // What the hours themselves add to the forecast is little.
  expect(Math.max(...hourly)).toBeLessThanOrEqual((hourly[0] ?? 0) * 1.1);
});

test.each([
  ['three of four machines are gone', fleet(1, 40 * SIZE_BYTES)],
  ['the disks are a third of what they were', fleet(4, 14 * SIZE_BYTES)],
])('a cluster gets plans for the machines that it has, with nobody there to publish them: %s', async (_, changed) => {
  rig.parts = { ...rig.parts, settings: { ...rig.parts.settings, minSavedPerFilled: 0 } };
  rig.setFleet(fleet(4, 40 * SIZE_BYTES));
  watchedTitles(120, (title) => 20 / (title + 3));
  await rig.cycle();
  rig.nowMs += 60 * HOUR_MS;
  await rig.cycle();
  rig.setFleet(changed);
  const { published } = await rig.cycle();
  expect(published['c']).toMatchObject({ kind: 'publish' });
  for (const { id, capacityBytes } of changed.appliances) {
    const held = rig.plan(id)?.files.reduce((sum, file) => sum + (file.headBytes ?? file.sizeBytes), 0) ?? 0;
    expect(held).toBeGreaterThan(capacityBytes / 2);
    expect(held).toBeLessThanOrEqual(capacityBytes);
  }
  const everywhere = changed.appliances.flatMap(({ id }) => rig.plan(id)?.files.map(({ path }) => path) ?? []);
  for (const title of [0, 1, 2, 3]) expect(everywhere).toContain(`/t${title}/v0.mp4`);
});
