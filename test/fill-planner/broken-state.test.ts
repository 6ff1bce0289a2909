import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DEMO_MEDIA } from './catalog/demo-title.ts';
import { FLEET, RunningPlanner } from './running-planner.ts';

let planner: RunningPlanner;
afterEach(() => planner[Symbol.asyncDispose]());

test('a planner whose plan.sqlite has lost pages says so and keeps running', async () => {
  planner = await RunningPlanner.start();
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
  await planner.addTitle({ source: DEMO_MEDIA, id: 'demo', originUrl: 'http://origin.example' });
  await planner.admin.post('/v1/plan-cycle', {});
  await planner.stop();
  const file = join(planner.folder, 'state', 'plan.sqlite');
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0x5a, 4096));
  await planner.start();
  await expect(planner.admin.post('/v1/plan-cycle', {})).rejects.toThrow(/state file does not make sense/);
  expect(await planner.admin.get('/v1/fleet')).toMatchObject({ kind: 'body' });
});

test.each(['fleet.sqlite', 'catalogue.sqlite'])(
  'a planner whose %s has lost pages does not start, and says why',
  async (name) => {
    planner = await RunningPlanner.start();
    await planner.admin.send('PUT', '/v1/fleet', FLEET);
    await planner.stop();
    const file = join(planner.folder, 'state', name);
    await writeFile(file, (await readFile(file)).fill(0x5a, 4096));
    await expect(planner.start()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  },
);
