import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DemandBacklog, MAX_ENTRIES } from '../../../appliance/report/demand-backlog.ts';
import type { DemandByHour } from '../../../appliance/report/demand-counter.ts';
import { parseDemandSample } from '../../../src/contracts/demand-sample.ts';
import { seededRandom } from '../../support/fake-world.ts';

const HOUR_MS = 3_600_000;
let dir: string;
let lost: number;
let seed = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-backlog-'));
  lost = 0;
});

afterEach(() => rm(dir, { recursive: true }));

function open(maxSamples = 100): DemandBacklog {
  seed += 1;
  const backlog = new DemandBacklog({
    stateDir: dir,
    applianceId: 'a1',
    siteId: 's1',
    random: seededRandom(seed),
    maxSamples,
    onLost: (samples) => {
      lost += samples;
    },
  });
  backlog.load();
  return backlog;
}

const counts = (paths: readonly string[], hourStartMs = 0, requests = 1): DemandByHour =>
  new Map([
    [
      hourStartMs,
      new Map(paths.map((path) => [path, { requests, servedBytes: requests * 10, missedBytes: requests }])),
    ],
  ]);

describe('the backlog of demand samples', () => {
  it('gathers the counts of an hour in one sample while none was sent', () => {
    const backlog = open();
    backlog.add(counts(['/a', '/b']));
    backlog.add(counts(['/b', '/c'], 0, 4));
    expect(backlog.size).toBe(1);
    expect(parseDemandSample(backlog.nextToSend()).entries).toEqual([
      { path: '/a', requests: 1, servedBytes: 10, missedBytes: 1 },
      { path: '/b', requests: 5, servedBytes: 50, missedBytes: 5 },
      { path: '/c', requests: 4, servedBytes: 40, missedBytes: 4 },
    ]);
  });

  it('never changes a sample that was sent once', () => {
    const backlog = open();
    backlog.add(counts(['/a']));
    const sent = JSON.stringify(backlog.nextToSend());
    backlog.add(counts(['/a']));
    expect(backlog.size).toBe(2);
    expect(JSON.stringify(backlog.nextToSend())).toBe(sent);
  });

  it('has another sample for another hour', () => {
    const backlog = open();
    backlog.add(counts(['/a'], 0));
    backlog.add(counts(['/a'], HOUR_MS));
    expect(backlog.size).toBe(2);
    expect(backlog.nextToSend()?.hourStartMs).toBe(0);
  });

  it('keeps samples over a restart under their ids, and changes none of them any more', () => {
    const before = open();
    before.add(counts(['/a']));
    before.add(counts(['/b'], HOUR_MS));
    const sample = before.nextToSend();
    const after = open();
    expect(after.nextToSend()).toEqual(sample);
    after.add(counts(['/c'], HOUR_MS));
    expect(after.size).toBe(3);
  });

  it('forgets what was acknowledged, on disk too', async () => {
    const backlog = open();
    backlog.add(counts(['/a']));
    backlog.remove(backlog.nextToSend()!.sampleId);
    expect(backlog.nextToSend()).toBeUndefined();
    expect(await readdir(join(dir, 'demand'))).toEqual([]);
  });

  it('splits an hour with many paths into several samples', () => {
    const backlog = open();
    backlog.add(counts(Array.from({ length: MAX_ENTRIES * 2 + 5 }, (_, index) => `/f${index}`)));
    const sizes: number[] = [];
    for (let sample = backlog.nextToSend(); sample !== undefined; sample = backlog.nextToSend()) {
      sizes.push(parseDemandSample(sample).entries.length);
      backlog.remove(sample.sampleId);
    }
    expect(sizes).toEqual([MAX_ENTRIES, MAX_ENTRIES, 5]);
  });

  it('lets the oldest go when there are too many, and tells', async () => {
    const backlog = open(3);
    for (let hour = 0; hour < 5; hour += 1) backlog.add(counts(['/a'], hour * HOUR_MS));
    expect(backlog.size).toBe(3);
    expect(lost).toBe(2);
    expect(backlog.nextToSend()?.hourStartMs).toBe(2 * HOUR_MS);
    expect(await readdir(join(dir, 'demand'))).toHaveLength(3);
  });

  it('starts with what can be read when a file was torn', async () => {
    const before = open();
    before.add(counts(['/a'], 0));
    before.add(counts(['/b'], HOUR_MS));
    const [first] = (await readdir(join(dir, 'demand'))).sort();
    await writeFile(join(dir, 'demand', first!), '{"version":1,');
    const after = open();
    expect(after.size).toBe(1);
    expect(lost).toBe(1);
  });
});
