import type { CalendarFacts } from '../calendar/calendar-facts.ts';
import type { TransitPrice } from '../hold/fill-economy.ts';
import type { HoldSettings } from '../hold/hold-input.ts';
import type { HoldMemory } from '../hold/hold-memory.ts';
import type { SpaceEarnings } from '../hold/tune-split.ts';
import type { GivenCap, RateStep, SiteLink } from '../schedule/site-pace.ts';
import type { HeldBefore, RegionDemand, RenditionFacts } from './plan-facts.ts';

/**
 * Everything that a plan of the fleet is made of, as plain data: what `planFleet` takes, what a simulation changes, and
 * what crosses into a thread. Arrays by rendition share one numbering, that of `facts`.
 */
export interface FleetInputs {
  readonly nowMs: number;
  readonly settings: PlanSettings;
  readonly sites: readonly PlanSite[];
  readonly clusters: readonly PlanCluster[];
  readonly appliances: readonly PlanAppliance[];
  /** Ascending by id. */
  readonly facts: readonly RenditionFacts[];
  /** By rendition: where its title comes from. */
  readonly originUrls: readonly string[];
  /** By rendition: how many files it is made of. */
  readonly fileCounts: Uint32Array;
  /** By region of a site. */
  readonly demand: ReadonlyMap<string, RegionDemand>;
  readonly calendar: CalendarFacts;
  /** By appliance; who is new is missing. */
  readonly heldBefore: ReadonlyMap<string, HeldBefore>;
  /** Not heard of, or banned for wrong bytes: they hold what they hold, but nobody is told to wait for them. */
  readonly awayAppliances?: ReadonlySet<string> | undefined;
  /** By cluster, what its hold remembers of the cycles before; who is new is missing. */
  readonly holdMemory?: ReadonlyMap<string, HoldMemory> | undefined;
  /** By appliance, what the border of its planned space earned within the last day; who has not told is missing. */
  readonly spaceEarned?: ReadonlyMap<string, SpaceEarnings> | undefined;
  /** A window opened by hand for the whole fleet. */
  readonly openedByHand?: { readonly startsAtMs: number; readonly endsAtMs: number } | undefined;
}

export interface PlanSettings extends HoldSettings {
  /** Share of every disk that plans leave free. */
  readonly reserveShare: number;
  readonly originWaitSec: number;
}

export interface PlanSite {
  readonly id: string;
  readonly region: string;
  readonly transit?: TransitPrice | undefined;
  readonly monthlyFillBytes?: number | undefined;
  readonly location?: { readonly latitude: number; readonly longitude: number } | undefined;
  readonly serveFillBitsPerSec?: number | undefined;
  readonly fillFrom?: readonly string[] | undefined;
  readonly originCostPerGb?: number | undefined;
  readonly tierCostPerGb?: number | undefined;
  readonly link?: SiteLink | undefined;
  readonly urgentFillBitsPerSec?: number | undefined;
  /** What all its appliances together may take across the link, where its bill is to be kept. */
  readonly billRates?: readonly RateStep[] | undefined;
  /** What of its caps was given away in periods that are not over. */
  readonly givenCaps?: readonly GivenCap[] | undefined;
  readonly fillBitsPerSec: number;
  readonly windowHours: number;
  /** Starts of the site's windows in absolute time, the one that may be open now included. */
  readonly windowStartsAtMs: readonly number[];
}

export interface PlanCluster {
  readonly id: string;
  readonly siteId: string;
}

export interface PlanAppliance {
  readonly id: string;
  readonly clusterId: string;
  readonly baseUrl: string;
  readonly capacityBytes: number;
  readonly class?: 'storage' | 'flash' | 'global' | undefined;
  readonly servingBitsPerSec?: number | undefined;
  readonly enduranceBytesPerDay?: number | undefined;
  readonly fillBitsPerSec?: number | undefined;
  readonly peerFillBitsPerSec?: number | undefined;
}
