import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoneFiles } from '../../../../appliance/fill/planned/gone-files.ts';
import type { FillPlanFile } from '../../../../src/contracts/fill-plan.ts';
import { atOnce } from '../../../../src/resilience/in-slices.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { originSource } from '../../../support/sample-plan.ts';

const HOUR_MS = 3_600_000;
const ROOMY = { capacityBytes: 1000, pinnedBytes: 0 };
let dir: string;
let world: FakeWorld;
let gone: GoneFiles;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-gone-'));
  world = new FakeWorld();
  gone = restart();
});
afterEach(() => rm(dir, { recursive: true }));

function restart(): GoneFiles {
  const { clock } = world;
  const made = new GoneFiles({ file: join(dir, 'gone.json'), graceMs: 24 * HOUR_MS, clock, logger: silentLogger });
  made.load();
  return made;
}

const file = (path: string, sizeBytes = 100): FillPlanFile => ({
  path,
  sizeBytes,
  root: '0'.repeat(64),
  rendition: 0,
  priority: 0,
  reason: '',
  expectedBytes: 0,
  sources: [originSource],
});
const plan = (...paths: string[]): void => atOnce(gone.planChanged(new Map(paths.map((path) => [path, file(path)]))));
const pinned = (): string[] => [...atOnce(gone.pinned())].sort();

describe('files that are gone from the plan', () => {
  it('keep their place for the grace time, and no longer', async () => {
    plan('/a', '/b');
    plan('/b');
    await world.clock.advance(24 * HOUR_MS - 1);
    expect([gone.look([], ROOMY), pinned()]).toEqual([false, ['/a', '/b']]);
    await world.clock.advance(1);
    expect([gone.look([], ROOMY), pinned()]).toEqual([true, ['/b']]);
  });

  it('are as if they had never gone when a plan names them again', async () => {
    plan('/a', '/b');
    plan('/b');
    plan('/a', '/b');
    await world.clock.advance(48 * HOUR_MS);
    expect([gone.look([], ROOMY), pinned()]).toEqual([false, ['/a', '/b']]);
  });

  it('give way to what the plan wants, who went first before who went later, and no more than is needed', () => {
    plan('/a', '/b', '/c');
    plan('/b', '/c');
    plan('/c');
    const full = { capacityBytes: 1000, pinnedBytes: 900 };
    expect(gone.look([file('/new', 100)], full)).toBe(true);
    expect(pinned()).toEqual(['/b', '/c']);
  });

  it('are remembered over a restart', async () => {
    plan('/a', '/b');
    plan('/b');
    gone = restart();
    plan('/b');
    expect(pinned()).toEqual(['/a', '/b']);
    await world.clock.advance(25 * HOUR_MS);
    gone.look([], ROOMY);
    expect(pinned()).toEqual(['/b']);
  });
});
