import { expect, test } from 'vitest';
import { EMPTY_CALENDAR } from '../../../../fill-planner/calendar/calendar-facts.ts';
import type { FleetInputs } from '../../../../fill-planner/plan/fleet-inputs.ts';
import { planFleet } from '../../../../fill-planner/plan/plan-fleet.ts';
import { preparePlan } from '../../../../fill-planner/plan/stored/prepare-plan.ts';
import { makePlans } from '../../../../fill-planner/plan/threads/make-plans.ts';
import { catalogueOf, demandOf, GENERATED_NOW_MS } from '../generated-fleet.ts';

/** Four clusters of three appliances at two sites and enough renditions that threads are worth their start. */
function largeFleet(): FleetInputs {
  const MIB = 2 ** 20;
  const { facts, contents } = catalogueOf(
    Array.from({ length: 1000 }, (_, title) =>
      Array.from({ length: 5 }, (_rung, rung) => (20 + ((title * 7 + rung * 13) % 90)) * MIB),
    ),
  );
  const clusters = ['c0', 'c1', 'c2', 'c3'].map((id, index) => ({ id, siteId: `s${index % 2}` }));
  return {
    nowMs: GENERATED_NOW_MS,
    settings: { reserveShare: 0.1, originWaitSec: 600, minSavedPerFilled: 0, fillCaution: 0.7, headShare: 0.02 },
    sites: ['s0', 's1'].map((id, index) => ({
      id,
      region: index === 0 ? 'de' : 'fr',
      fillBitsPerSec: 1e9,
      windowHours: 6,
      windowStartsAtMs: [GENERATED_NOW_MS],
    })),
    clusters,
    appliances: clusters.flatMap(({ id }) =>
      ['a', 'b', 'c'].map((name, index) => ({
        id: `${id}${name}`,
        clusterId: id,
        baseUrl: `http://${id}${name}.example`,
        capacityBytes: (20_000 + index * 30_000) * MIB,
      })),
    ),
    facts,
    originUrls: facts.map(() => 'http://origin.example'),
    fileCounts: Uint32Array.from(contents, ({ files }) => files.length),
    demand: new Map(
      ['de', 'fr'].map((region, shift) => [
        region,
        demandOf(facts.map((_, index) => 1e12 / (1 + ((index * 7919 + shift * 31) % facts.length)))),
      ]),
    ),
    calendar: EMPTY_CALENDAR,
    heldBefore: new Map(),
  };
}

const contentsOf = (inputs: FleetInputs) => ({
  number: Uint32Array.from(inputs.facts, (_, index) => index + 1),
  fileCount: inputs.fileCounts,
  headFileCount: inputs.fileCounts,
  sizeBytes: Float64Array.from(inputs.facts, ({ sizeBytes }) => sizeBytes),
  headBytes: Float64Array.from(inputs.facts, ({ headBytes }) => headBytes),
});

/** Numbers that are there already. */
function* ready<T>(contents: T): Generator<number, T> {
  yield 1;
  return contents;
}

test('threads make the plans that one thread makes, also of what is held already', async () => {
  const inputs = largeFleet();
  const contents = contentsOf(inputs);
  const here = planFleet(inputs).drafts;
  const made = await makePlans(inputs, 2, () => ready(contents));
  expect(made.drafts).toEqual(here);
  expect([...made.prepared.values()].map(({ contentDigest }) => Buffer.from(contentDigest))).toEqual(
    here.map((draft) => preparePlan(draft, contents).contentDigest),
  );
  const held = {
    ...inputs,
    heldBefore: new Map(
      here.map(({ applianceId, rendition, isHead, isMaster }) => {
        const order = Array.from(rendition.keys()).sort((a, b) => (rendition[a] ?? 0) - (rendition[b] ?? 0));
        const pick = (column: Uint8Array): Uint8Array => Uint8Array.from(order, (entry) => column[entry] ?? 0);
        const ascending = Uint32Array.from(order, (entry) => rendition[entry] ?? 0);
        return [applianceId, { rendition: ascending, isHead: pick(isHead), isMaster: pick(isMaster) }];
      }),
    ),
  };
  expect((await makePlans(held, 3, () => ready(contents))).drafts).toEqual(planFleet(held).drafts);
});

test('a thread that fails fails the cycle', async () => {
  const inputs = largeFleet();
  const broken = { ...inputs, settings: { ...inputs.settings, reserveShare: Number.NaN } };
  Object.assign(broken, { calendar: undefined });
  await expect(makePlans(broken, 2, () => ready(contentsOf(inputs)))).rejects.toThrow();
});
