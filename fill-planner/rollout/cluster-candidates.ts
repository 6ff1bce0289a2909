import type { FillWindow } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import { type GuardLimits, guardReasons } from '../review/guard-rails.ts';
import { type ClusterFigures, linkBudgetsBroken } from '../review/plan-figures.ts';
import type { ClusterCandidate } from './decide-release.ts';

export interface CandidateInput {
  readonly inputs: FleetInputs;
  readonly figures: readonly ClusterFigures[];
  /** By the new plans. */
  readonly windowsOf: (applianceId: string) => readonly FillWindow[];
  readonly limits: GuardLimits;
  readonly reports: readonly FillReport[];
  /** Versions in force by appliance. */
  readonly inForce: ReadonlyMap<string, number>;
  /** Who was in each cluster when it last got a plan of its own cycle. */
  readonly membersBefore: Readonly<Record<string, string>>;
  /** Clusters whose demand is only just being learned. */
  readonly isLearning: (clusterId: string) => boolean;
}

/** What there is to know of each cluster before its plans are published. */
export function clusterCandidates(input: CandidateInput): ClusterCandidate[] {
  const { inputs, figures, windowsOf, limits, reports, inForce, membersBefore, isLearning } = input;
  const members = membersByCluster(inputs);
  const reportOf = new Map(reports.map((report) => [report.applianceId, report]));
  const broken = linkBudgetsBroken(inputs, windowsOf);
  return figures.map((ofIt): ClusterCandidate => {
    const { clusterId, siteId, applianceIds, isChanged } = ofIt;
    const isRebuilt = membersBefore[clusterId] !== undefined && membersBefore[clusterId] !== members.get(clusterId);
    const guarded = { isLearning: isLearning(clusterId), isRebuilt };
    return {
      clusterId,
      isChanged,
      isNewOrRebuilt:
        applianceIds.some((id) => !inForce.has(id)) || membersBefore[clusterId] !== members.get(clusterId),
      heldBecause: [...guardReasons(ofIt, limits, guarded), ...(broken.get(siteId) ?? [])],
      troubles: applianceIds.flatMap((applianceId) => {
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
