import { expect, test } from 'vitest';
import { InventoryLook } from '../../../appliance/report/inventory-look.ts';
import type { ObjectState } from '../../../appliance/store/object-store.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { temporaryFolder } from '../../fill-planner/catalog/demo-title.ts';
import { FakeStore } from '../../support/fake-store.ts';
import { sampleManifest, samplePlan, samplePlanFile } from '../../support/sample-plan.ts';

test('is new whenever it costs nothing, and good for thirty times what it cost where it does', async () => {
  await using folder = await temporaryFolder();
  const planner = loadOrCreateIdentity('planner', `${folder.path}/planner.pem`);
  const manifest = sampleManifest('/a', 2 ** 20, planner);
  const plan = samplePlan(planner, [samplePlanFile(manifest)]);
  const store = new FakeStore();
  let looks = 0;
  let costMs = 0;
  let nowMs = 0;
  const counted = {
    find: (key: string) => store.find(key),
    *objects(): Generator<ObjectState> {
      looks += 1;
      nowMs += costMs;
      yield* store.objects();
    },
  };
  const look = new InventoryLook(counted, { monotonicMs: () => nowMs });
  look.take(plan);
  store.put('/a', manifest.root, 2 ** 20);
  expect([look.take(plan).heldFileCount, looks]).toEqual([1, 2]);
  costMs = 100;
  look.take(plan);
  nowMs += 2999;
  look.take(plan);
  expect(looks).toBe(3);
  nowMs += 1;
  look.take(plan);
  expect(looks).toBe(4);
  look.take({ ...plan });
  expect(looks).toBe(5);
});
