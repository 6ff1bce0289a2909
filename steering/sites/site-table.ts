import type { Weekday } from '../../src/world/local-times.ts';
import type { SiteFacts } from '../ranking/candidate.ts';

/** What the operator says of sites; a table never changes, a new one takes its place. */
export interface SiteTable {
  /** Names the state of the table in logs and explanations. */
  readonly version: string;
  of(siteId: string): SiteFacts;
  /** All that is said of one site; undefined where nothing is. */
  find(siteId: string): Site | undefined;
  /** All sites of which something is said, in the order of their ids. */
  facts(): readonly Site[];
}

/** One site as the operator describes it. */
export interface Site extends SiteFacts {
  readonly id: string;
  readonly location: { readonly latitudeDeg: number; readonly longitudeDeg: number } | undefined;
  /** What its links carry to viewers at the most, all appliances together; undefined: what its appliances carry. */
  readonly egressCapBitsPerSec: number | undefined;
  /** IANA name; windows and times of withholdings are on this site's clocks. */
  readonly timeZone: string | undefined;
  readonly maintenance: readonly MaintenanceWindow[];
}

/** When the site is worked on again and again: every day, or one day of each week. */
export interface MaintenanceWindow {
  readonly weekday: Weekday | undefined;
  /** `HH:MM` on the site's clocks. */
  readonly start: string;
  readonly hours: number;
  readonly why: string;
}

/** Of which nothing is said: asked for by every candidate of every decision, so they are kept. */
const unknownSites = new Map<string, SiteFacts>();
/** More sites than anybody has; then it begins afresh. */
const MAX_UNKNOWN_SITES = 10_000;

/** It is for everybody and fails alone. */
function unknownSite(siteId: string): SiteFacts {
  let site = unknownSites.get(siteId);
  if (site === undefined) {
    if (unknownSites.size >= MAX_UNKNOWN_SITES) unknownSites.clear();
    site = { kind: 'embedded', network: undefined, failureDomain: siteId };
    unknownSites.set(siteId, site);
  }
  return site;
}

/** Without a table every site is for everybody and fails alone. */
export const NO_SITES: SiteTable = {
  version: 'none',
  of: unknownSite,
  find: () => undefined,
  facts: () => [],
};

/** @param version names this state; the sites have ids of their own */
export function makeSiteTable(version: string, sites: readonly Site[]): SiteTable {
  const byId = new Map(sites.map((site) => [site.id, site]));
  const sorted = [...sites].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    version,
    of: (siteId) => byId.get(siteId) ?? unknownSite(siteId),
    find: (siteId) => byId.get(siteId),
    facts: () => sorted,
  };
}
