import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draftedFiles, type PlanDraft } from '../../../fill-planner/plan/draft-plan.ts';
import type { HeldBefore } from '../../../fill-planner/plan/plan-facts.ts';
import { planFleet } from '../../../fill-planner/plan/plan-fleet.ts';
import { fillPlanFileSchema, fillWindowSchema, plannedBytes } from '../../../src/contracts/fill-plan.ts';
import { type GeneratedFleet, generatedFleets } from './generated-fleet.ts';

const property = (check: (fleet: GeneratedFleet) => void): void => {
  fc.assert(fc.property(generatedFleets, check), { numRuns: 60, endOnFailure: true });
};

/** The plans as appliances get them. */
function plansOf({ inputs, contents }: GeneratedFleet) {
  return planFleet(inputs).drafts.map((draft) => ({
    ...draft,
    ...draftedFiles(draft, (rendition) => contents[rendition] ?? { id: '', files: [] }),
  }));
}

/** What the next cycle is told that the drafts of this one hold. */
function heldBy(drafts: readonly PlanDraft[]): Map<string, HeldBefore> {
  return new Map(
    drafts.map((draft) => {
      const order = Array.from(draft.rendition.keys()).sort(
        (a, b) => (draft.rendition[a] ?? 0) - (draft.rendition[b] ?? 0),
      );
      return [
        draft.applianceId,
        {
          rendition: Uint32Array.from(order, (entry) => draft.rendition[entry] ?? 0),
          isHead: Uint8Array.from(order, (entry) => draft.isHead[entry] ?? 0),
          isMaster: Uint8Array.from(order, (entry) => draft.isMaster[entry] ?? 0),
        },
      ];
    }),
  );
}

describe('plans', () => {
  test('are the same for the same inputs, in whatever order these come', () => {
    property(({ inputs }) => {
      const shuffled = {
        ...inputs,
        appliances: inputs.appliances.toReversed(),
        clusters: inputs.clusters.toReversed(),
        sites: inputs.sites.toReversed(),
      };
      expect(planFleet(shuffled).drafts).toEqual(planFleet(inputs).drafts);
    });
  });

  test('are the same again for the same inputs where something is held already', () => {
    property(({ inputs }) => {
      const second = { ...inputs, heldBefore: heldBy(planFleet(inputs).drafts) };
      expect(planFleet(structuredClone(second)).drafts).toEqual(planFleet(second).drafts);
    });
  });

  test('hold whole renditions, within the capacity, one plan per appliance', () => {
    property((fleet) => {
      const contents = new Map(fleet.contents.map((each) => [each.id, each] as const));
      const { appliances } = fleet.inputs;
      const drafts = plansOf(fleet);
      expect(drafts.map(({ applianceId }) => applianceId)).toEqual(appliances.map(({ id }) => id).sort());
      for (const draft of drafts) {
        const capacity = appliances.find(({ id }) => id === draft.applianceId)?.capacityBytes ?? 0;
        expect(draft.files.reduce((sum, file) => sum + plannedBytes(file), 0)).toBeLessThanOrEqual(capacity * 0.9);
        expect(draft.renditions).toEqual(draft.renditions.toSorted());
        draft.renditions.forEach((id, index) => {
          const paths = draft.files.filter(({ rendition }) => rendition === index).map(({ path }) => path);
          expect(paths).toEqual(contents.get(id)?.files.map(({ path }) => path));
        });
      }
    });
  });

  test('give every file its place in the queue, a reason and what their contract asks for', () => {
    property((fleet) => {
      for (const { files, windows } of plansOf(fleet)) {
        expect(files.map(({ priority }) => priority)).toEqual(files.map((_, index) => index));
        for (const file of files) {
          expect(file.reason).toMatch(/^rank \d+ of \d+ in region (?:de|fr): /);
          expect(fillPlanFileSchema.parse(file)).toEqual(file);
        }
        for (const window of windows) expect(fillWindowSchema.parse(window)).toEqual(window);
      }
    });
  });

  test('put the manifests of a title before its renditions', () => {
    property((fleet) => {
      for (const { files, renditions } of plansOf(fleet)) {
        const firstOf = new Map<string, number>();
        files.forEach(({ rendition, priority }) => {
          const id = renditions[rendition] ?? '';
          if (!firstOf.has(id)) firstOf.set(id, priority);
        });
        for (const [id, priority] of firstOf) {
          const manifests = firstOf.get(`${id.split('/')[0]}/manifests`);
          if (manifests !== undefined && !id.endsWith('/manifests')) expect(manifests).toBeLessThan(priority);
        }
      }
    });
  });

  test('let no site take more than its budget in any of its windows', () => {
    property((fleet) => {
      const { clusters, sites, appliances } = fleet.inputs;
      const siteOf = new Map(clusters.map(({ id, siteId }) => [id, siteId]));
      const drafts = plansOf(fleet);
      for (const { id, fillBitsPerSec } of sites) {
        const members = appliances.filter(({ clusterId }) => siteOf.get(clusterId) === id).map((each) => each.id);
        const plans = drafts.filter(({ applianceId }) => members.includes(applianceId));
        for (const index of [0, 1]) {
          const sum = plans.reduce((total, { windows }) => total + (windows[index]?.fillBitsPerSec ?? 0), 0);
          expect(sum).toBeLessThanOrEqual(fillBitsPerSec);
        }
      }
    });
  });

  test('reach the origin from every planned file, through holders that plan it too', () => {
    property((fleet) => {
      const drafts = plansOf(fleet);
      const sources = new Map(
        drafts.map(({ applianceId, files }) => [applianceId, new Map(files.map((file) => [file.path, file.sources]))]),
      );
      for (const { applianceId, files } of drafts) {
        for (const { path } of files) {
          // The first choice of the first choice, and so on, ends at the origin.
          let at = applianceId;
          for (let steps = 0; at !== 'origin'; steps += 1) {
            expect(steps).toBeLessThan(8);
            const next = sources.get(at)?.get(path)?.[0];
            expect(next, `${at} does not plan ${path}`).toBeDefined();
            at = next?.id ?? 'origin';
          }
        }
      }
    });
  });
});
