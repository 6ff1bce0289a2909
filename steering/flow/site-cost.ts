import type { SiteKind } from '../ranking/candidate.ts';
import type { FlowClient } from './site-shares.ts';

/** What the flow knows of where the viewers of a group are. */
export interface FlowPlace extends FlowClient {
  /** What each site costs the ISP for them, the lower the nearer, in a unit of its own; empty where nobody says. */
  readonly siteCosts: ReadonlyMap<string, number>;
}

export interface SiteLocation {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
}

/** What the flow knows of a site. */
export interface FlowSite {
  readonly id: string;
  readonly kind: SiteKind;
  /** The ISP whose viewers an embedded site is there for; undefined: everybody's. */
  readonly network: string | undefined;
  readonly location: SiteLocation | undefined;
  /** Bits per second that it takes before it is ranked lower. */
  readonly capacityBitsPerSec: number;
}

/**
 * What a bit costs that a site gives to a group. The kinds stand in the order in which the ranking prefers them, far
 * enough apart that no difference of nearness within one kind makes up for the next.
 */
const OWN_SITE_COST = 1;
const KIND_COSTS: Readonly<Record<SiteKind, number>> = { embedded: 2, peering: 4, transit: 8 };
/** The origin: whatever it takes, a site is cheaper. */
export const ORIGIN_COST = 200;
/** From here on far is far. */
const FAR_KM = 3000;

/** undefined where the site is not there for this group. @param home where the group's own site stands */
export function siteCost(place: FlowPlace, site: FlowSite, home: SiteLocation | undefined): number | undefined {
  if (site.id === place.siteId) return OWN_SITE_COST;
  if (site.kind === 'embedded' && site.network !== undefined && site.network !== place.network) return undefined;
  return KIND_COSTS[site.kind] + remoteness(place, site, home);
}

/** From 0 (near) to 1 (far or not known): by the ISP's own word where it gives one, else by distance. */
function remoteness({ siteCosts }: FlowPlace, { id, location }: FlowSite, home: SiteLocation | undefined): number {
  if (siteCosts.size > 0) {
    const cost = siteCosts.get(id);
    if (cost === undefined) return 1;
    const values = [...siteCosts.values()];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return high > low ? (cost - low) / (high - low) : 0;
  }
  if (home === undefined || location === undefined) return 1;
  return Math.min(1, distanceKm(home, location) / FAR_KM);
}

const EARTH_RADIUS_KM = 6371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Along a great circle (haversine). */
function distanceKm(a: SiteLocation, b: SiteLocation): number {
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2;
  const h =
    half(a.latitudeDeg, b.latitudeDeg) +
    Math.cos(radians(a.latitudeDeg)) * Math.cos(radians(b.latitudeDeg)) * half(a.longitudeDeg, b.longitudeDeg);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}
