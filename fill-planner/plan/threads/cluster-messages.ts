import type { PlanDraft } from '../draft-plan.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import type { FleetLinks } from '../link-fleet.ts';
import type { ClusterPlacement, HeldBefore } from '../plan-facts.ts';
import type { PlannedContents, PreparedPlan } from '../stored/prepare-plan.ts';

/** What a cycle tells a thread that plans clusters for it. Jobs have numbers, and each gets one answer. */
export type ToClusterThread =
  /** What all clusters have in common; what was held comes with each job. */
  | { readonly kind: 'inputs'; readonly inputs: Omit<FleetInputs, 'heldBefore'> }
  | { readonly kind: 'links'; readonly links: FleetLinks; readonly contents: PlannedContents }
  | { readonly kind: 'job'; readonly number: number; readonly job: ClusterJob };

export type ClusterJob =
  | { readonly kind: 'place'; readonly clusterId: string; readonly heldBefore: ReadonlyMap<string, HeldBefore> }
  | { readonly kind: 'draft'; readonly placement: ClusterPlacement };

export type ClusterAnswer =
  | { readonly kind: 'placed'; readonly placement: ClusterPlacement }
  | { readonly kind: 'drafted'; readonly plans: readonly DraftedPlan[] };

/** A draft, and the same as it is stored. */
export interface DraftedPlan {
  readonly draft: PlanDraft;
  readonly prepared: PreparedPlan;
}

export interface FromClusterThread {
  readonly number: number;
  readonly answer: ClusterAnswer;
}
