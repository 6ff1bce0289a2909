import type { FillReport } from '../../src/contracts/fill-report.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import { NOTHING_HELD } from '../plan/plan-facts.ts';
import { type GuardLimits, guardReasons } from '../review/guard-rails.ts';
import type { HoldingColumns } from '../review/holding-columns.ts';
import type { ClusterFigures } from '../review/plan-figures.ts';
import type { ClusterCandidate } from './decide-release.ts';

export interface CandidateInput {
  readonly inputs: FleetInputs;
  readonly drafts: readonly PlanDraft[];
  readonly figures: readonly ClusterFigures[];
  readonly limits: GuardLimits;
  readonly reports: readonly FillReport[];
  /** Versions in force by appliance. */
  readonly inForce: ReadonlyMap<string, number>;
  /** Who was in each cluster when it last got a plan of its own cycle. */
  readonly membersBefore: Readonly<Record<string, string>>;
}

/** What there is to know of each cluster before its plans are published. */
export function clusterCandidates(input: CandidateInput): ClusterCandidate[] {
  const { inputs, drafts, figures, limits, reports, inForce, membersBefore } = input;
  const members = membersByCluster(inputs);
  const reportOf = new Map(reports.map((report) => [report.applianceId, report]));
  const figuresOf = new Map(figures.map((each) => [each.clusterId, each]));
  return [...Map.groupBy(drafts, ({ clusterId }) => clusterId)].map(([clusterId, ofCluster]): ClusterCandidate => {
    const ofIt = figuresOf.get(clusterId);
    return {
      clusterId,
      isChanged: ofCluster.some((draft) => !isSame(draft, inputs.heldBefore.get(draft.applianceId) ?? NOTHING_HELD)),
      isNewOrRebuilt:
        ofCluster.some(({ applianceId }) => !inForce.has(applianceId)) ||
        membersBefore[clusterId] !== members.get(clusterId),
      heldBecause: ofIt === undefined ? [] : guardReasons(ofIt, limits),
      troubles: ofCluster.flatMap(({ applianceId }) => {
        const report = reportOf.get(applianceId);
        if (report === undefined || report.planVersion !== inForce.get(applianceId)) return [];
        return report.state === 'blocked' ? [`${applianceId} is blocked: no source gives what it misses`] : [];
      }),
    };
  });
}

/** What a cluster is made of: another machine, disk or address makes another plan necessary, whatever its stage. */
export function membersByCluster({ appliances }: FleetInputs): Map<string, string> {
  return new Map(
    [...Map.groupBy(appliances, ({ clusterId }) => clusterId)].map(([clusterId, members]) => [
      clusterId,
      members
        .map(({ id, baseUrl, capacityBytes }) => `${id} ${baseUrl} ${capacityBytes}`)
        .sort()
        .join('\n'),
    ]),
  );
}

function isSame(draft: HoldingColumns, before: HoldingColumns): boolean {
  if (draft.rendition.length !== before.rendition.length) return false;
  const parts = new Map(Array.from(before.rendition, (rendition, at) => [rendition, before.isHead[at]]));
  return draft.rendition.every((rendition, entry) => parts.get(rendition) === draft.isHead[entry]);
}
