import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { SiteFile } from '../../../steering/sites/site-file.ts';
import { NO_SITES, type SiteTable } from '../../../steering/sites/site-table.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-sites-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function following(file: string) {
  const world = new FakeWorld();
  let table: SiteTable = NO_SITES;
  const states: Array<string | undefined> = [];
  const sites = new SiteFile({
    file,
    pollMs: 1000,
    world,
    logger: silentLogger,
    onTable: (next) => {
      table = next;
    },
    onState: (problem) => states.push(problem),
  });
  return { world, sites, states, ids: () => table.facts().map(({ id }) => id) };
}

test('the file is read again when it changes, and a broken one changes nothing and is told once', async () => {
  const file = join(folder, 'sites.json');
  const { world, sites, states, ids } = following(file);
  await sites.start();
  expect(states).toEqual([expect.stringContaining('ENOENT')]);
  expect(ids()).toEqual([]);

  writeFileSync(file, '{"version": 1, "sites": [{"id": "north"}]}');
  await world.clock.advanceUntil(() => states.length === 2);
  expect(ids()).toEqual(['north']);

  writeFileSync(file, '{"version": 1, "sites": [{"id": "south"}, {"id": "south"}]}');
  await world.clock.advanceUntil(() => states.length === 3);
  expect(states[2]).toContain('there twice');
  expect(ids()).toEqual(['north']);

  rmSync(file);
  await world.clock.advanceUntil(() => states.length === 4);
  expect(ids()).toEqual(['north']);

  writeFileSync(file, '{"version": 1, "sites": [{"id": "south"}]}');
  await world.clock.advanceUntil(() => states.length === 5);
  expect(states[4]).toBeUndefined();
  expect(ids()).toEqual(['south']);
  await sites.stop(1000);
});
