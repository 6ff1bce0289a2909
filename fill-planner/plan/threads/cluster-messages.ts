import type { TalliedRegions } from '../../demand/predict/predict-regions.ts';
import type { ClusterFigures } from '../../review/plan-figures.ts';
import type { PlanDraft } from '../draft-plan.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import type { FleetLinks } from '../link-fleet.ts';
import type { ClusterPlacement, HeldBefore, RegionDemand, RenditionFacts } from '../plan-facts.ts';
import type { PlannedContents, PreparedPlan } from '../stored/prepare-plan.ts';

/** What a cycle tells a thread that plans clusters for it. Jobs have numbers, and each gets one answer. */
export type ToClusterThread =
  /** The next renditions: objects are copied one by one, and a catalogue of them takes a second. */
  | { readonly kind: 'renditions'; readonly facts: readonly RenditionFacts[]; readonly originUrls: readonly string[] }
  /** What else all clusters have in common, after the last renditions; what was held comes with each job. */
  | { readonly kind: 'inputs'; readonly inputs: InputsBesideRenditions }
  | { readonly kind: 'links'; readonly links: LinksBesideRenditions; readonly contents: PlannedContents }
  | { readonly kind: 'job'; readonly number: number; readonly job: ClusterJob };

export type InputsBesideRenditions = Omit<FleetInputs, 'heldBefore' | 'facts' | 'originUrls'>;
export type LinksBesideRenditions = Omit<FleetLinks, 'originUrls'>;

type Held = ReadonlyMap<string, HeldBefore>;

export type ClusterJob =
  /** Needs nothing but its question. */
  | { readonly kind: 'predict'; readonly question: TalliedRegions }
  | { readonly kind: 'place'; readonly clusterId: string; readonly heldBefore: Held }
  /** Of all clusters, with what all appliances held. */
  | { readonly kind: 'link'; readonly placements: readonly ClusterPlacement[]; readonly heldBefore: Held }
  | { readonly kind: 'draft'; readonly placement: ClusterPlacement; readonly heldBefore: Held };

export type ClusterAnswer =
  | { readonly kind: 'predicted'; readonly demand: ReadonlyMap<string, RegionDemand> }
  | { readonly kind: 'placed'; readonly placement: ClusterPlacement }
  | { readonly kind: 'linked'; readonly links: LinksBesideRenditions }
  | { readonly kind: 'drafted'; readonly plans: readonly DraftedPlan[]; readonly figures: readonly ClusterFigures[] };

/** A draft, and the same as it is stored. */
export interface DraftedPlan {
  readonly draft: PlanDraft;
  readonly prepared: PreparedPlan;
}

export interface FromClusterThread {
  readonly number: number;
  readonly answer: ClusterAnswer;
}
