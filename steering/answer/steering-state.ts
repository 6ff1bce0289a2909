import type { Catalogue } from '../catalogue/catalogue.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import type { HeldTitles } from '../fleet/held-titles.ts';
import type { SiteShares } from '../flow/site-shares.ts';
import type { QualityView } from '../quality/quality-view.ts';
import type { Routes } from '../routing/route-table.ts';
import type { SiteTable } from '../sites/site-table.ts';

/** All that decisions are made from. */
export interface SteeringState {
  readonly routes: Routes;
  readonly fleet: FleetView;
  /** undefined until the planner was reached for the first time ever. */
  readonly catalogue: Catalogue | undefined;
  readonly heldTitles: HeldTitles;
  readonly sites: SiteTable;
  readonly shares: SiteShares;
  readonly quality: QualityView;
}

/** The states of what a decision was made from: two decisions with the same names knew the same. */
export type DataVersions = Readonly<Record<'catalogue' | 'routes' | 'sites' | 'shares' | 'quality', string>>;

export const dataVersions = ({ catalogue, routes, sites, shares, quality }: SteeringState): DataVersions => ({
  catalogue: String(catalogue?.version ?? 'none'),
  routes: routes.version,
  sites: sites.version,
  shares: shares.version,
  quality: quality.version,
});
