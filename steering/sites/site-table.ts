import type { SiteFacts } from '../ranking/candidate.ts';

/** What the operator says of sites; a table never changes, a new one takes its place. */
export interface SiteTable {
  /** Names the state of the table in logs and explanations. */
  readonly version: string;
  of(siteId: string): SiteFacts;
}

/** Without a table every site is for everybody and fails alone. */
export const NO_SITES: SiteTable = {
  version: 'none',
  of: (siteId) => ({ kind: 'embedded', network: undefined, failureDomain: siteId }),
};
