import type { FillPlanSource, FillWindow } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { HELD } from '../hold/held.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import { fillEndsAtMs } from './fill-forecast.ts';
import { bytesOfPart } from './holding-columns.ts';
import { clusterDemand } from './plan-figures.ts';

/**
 * Why a rendition is where it is, or nowhere: what the plans in force say of it, with what is known beside them. All
 * that a plan says was decided when it was made; what is expected of it is told by the forecast of now.
 */
export interface RenditionExplanation {
  readonly renditionId: string;
  readonly titleId: string;
  readonly sizeBytes: number;
  readonly headBytes: number;
  readonly bitsPerSec: number;
  readonly durationSec: number;
  readonly clusters: readonly ClusterExplanation[];
}

export interface ClusterExplanation {
  readonly clusterId: string;
  readonly siteId: string;
  readonly region: string;
  readonly part: 'whole' | 'head' | 'nothing';
  /** Expected to be asked of this cluster for it: within the next day, and in the busiest hour. */
  readonly expectedBytes: number;
  readonly peakBitsPerSec: number;
  /** 1-based place among so many in the cluster's order; undefined when it is held nowhere in it. */
  readonly rank: number | undefined;
  readonly itemCount: number;
  readonly why: string;
  readonly copies: readonly CopyExplanation[];
}

export interface CopyExplanation {
  readonly applianceId: string;
  readonly planVersion: number;
  /** Fetches it for the whole cluster. */
  readonly isMaster: boolean;
  /** What this copy is expected to serve within the next day. */
  readonly expectedBytes: number;
  /** Whom it asks, in this order. */
  readonly sources: readonly FillPlanSource[];
  /** 1-based place in the appliance's queue of so many. */
  readonly place: number;
  readonly placeCount: number;
  readonly state: 'there' | 'on-its-way' | 'blocked' | 'not-reported';
  /** When it should be there if every source gives what the windows let it; undefined when the known windows do not reach. */
  readonly expectedAtMs: number | undefined;
}

/** The plan in force of one appliance. */
export interface PlanInForce {
  readonly planVersion: number;
  readonly windows: readonly FillWindow[];
  readonly draft: Omit<PlanDraft, 'windows'>;
}

export interface ExplainInput {
  readonly inputs: FleetInputs;
  /** By appliance, in the numbering of the facts. */
  readonly plans: ReadonlyMap<string, PlanInForce>;
  readonly reports: ReadonlyMap<string, FillReport>;
  /** Why a cluster holds nothing of it, by what is known now. */
  readonly whyNot: (clusterId: string, rendition: number) => string;
}

/** @param clusterIds those to speak of, in this order */
export function explainRendition(
  input: ExplainInput,
  rendition: number,
  clusterIds: readonly string[],
): RenditionExplanation | undefined {
  const fact = input.inputs.facts[rendition];
  if (fact === undefined) return undefined;
  const { id, titleId, sizeBytes, headBytes, bitsPerSec, durationSec } = fact;
  return {
    renditionId: id,
    titleId,
    sizeBytes,
    headBytes,
    bitsPerSec,
    durationSec,
    clusters: clusterIds.map((clusterId) => explainCluster(input, rendition, clusterId)),
  };
}

const HOUR_SEC = 3600;

function explainCluster(input: ExplainInput, rendition: number, clusterId: string): ClusterExplanation {
  const { inputs, plans } = input;
  const siteId = inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '';
  const region = inputs.sites.find(({ id }) => id === siteId)?.region ?? '';
  const expectedBytes = clusterDemand(inputs, clusterId)(rendition);
  const regional = inputs.demand.get(region);
  const share = expectedBytes / Math.max(1, regional?.expectedBytes[rendition] ?? 0);
  const found = inputs.appliances.flatMap((appliance) => {
    const plan = plans.get(appliance.id);
    if (appliance.clusterId !== clusterId || plan === undefined) return [];
    const entry = plan.draft.rendition.indexOf(rendition);
    return entry < 0 ? [] : [{ plan, entry }];
  });
  const first = found[0];
  const about = {
    clusterId,
    siteId,
    region,
    expectedBytes,
    peakBitsPerSec: ((regional?.peakHourBytes[rendition] ?? 0) * share * 8) / HOUR_SEC,
  };
  if (first === undefined)
    return {
      ...about,
      part: 'nothing',
      rank: undefined,
      itemCount: 0,
      why: input.whyNot(clusterId, rendition),
      copies: [],
    };
  const { draft } = first.plan;
  return {
    ...about,
    part: found.some(({ plan, entry }) => plan.draft.isHead[entry] !== 1) ? 'whole' : 'head',
    rank: (draft.rank[first.entry] ?? 0) + 1,
    itemCount: draft.itemCount,
    why: draft.reasons[draft.reason[first.entry] ?? 0] ?? '',
    copies: found.map(({ plan, entry }) => explainCopy(input, plan, entry)),
  };
}

function explainCopy({ inputs, reports }: ExplainInput, plan: PlanInForce, entry: number): CopyExplanation {
  const { draft, planVersion, windows } = plan;
  const { applianceId } = draft;
  const sources = draft.sourceLists[draft.sources[entry] ?? 0] ?? [];
  const report = reports.get(applianceId);
  const ofThisPlan = report?.planVersion === planVersion ? report : undefined;
  const state = ofThisPlan === undefined ? 'not-reported' : stateOf(ofThisPlan);
  // The queue is worked off in its order, so what is held counts from its front.
  let aheadBytes = 0;
  for (let at = 0; at <= entry; at += 1)
    aheadBytes += bytesOfPart(inputs.facts, draft.rendition[at] ?? 0, draft.isHead[at] === 1 ? HELD.head : HELD.whole);
  const missingBytes = Math.max(0, aheadBytes - (ofThisPlan?.heldBytes ?? 0));
  const isThere = state === 'there' || (ofThisPlan !== undefined && missingBytes === 0);
  return {
    applianceId,
    planVersion,
    isMaster: draft.isMaster[entry] === 1,
    expectedBytes: draft.expectedBytes[entry] ?? 0,
    sources,
    place: entry + 1,
    placeCount: draft.rendition.length,
    state: isThere ? 'there' : state,
    expectedAtMs: isThere ? undefined : fillEndsAtMs({ peer: 0, tier: 0, origin: missingBytes }, windows, inputs.nowMs),
  };
}

function stateOf({ state }: FillReport): CopyExplanation['state'] {
  if (state === 'complete') return 'there';
  return state === 'blocked' ? 'blocked' : 'on-its-way';
}
