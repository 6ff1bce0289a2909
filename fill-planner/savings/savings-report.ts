import { localStartTimes } from '../../src/world/local-times.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Month } from './month.ts';
import { type SiteRates, type SiteSavings, siteSavings } from './site-savings.ts';
import type { TrafficStore } from './traffic-store.ts';

/** The savings of a month by site, and summed by ISP. */
export interface SavingsReport {
  readonly month: string;
  /** The month is not over: figures are of what was so far. */
  readonly isRunning: boolean;
  readonly madeAtMs: number;
  readonly sites: readonly (SiteSavings & {
    readonly siteId: string;
    readonly isp: string | undefined;
    readonly region: string;
  })[];
  readonly isps: readonly IspSavings[];
}

export interface IspSavings {
  readonly isp: string;
  readonly siteCount: number;
  readonly servedBytes: number;
  readonly crossedBytes: number;
  readonly savedBytes: number;
  /** By currency; sites without a price are in none. What is billed by volume and what by rate, whichever a site states. */
  readonly savedMoney: Readonly<Record<string, number>>;
}

export interface SavingsParts {
  readonly fleet: Fleet;
  readonly traffic: Pick<TrafficStore, 'samples' | 'keptRates'>;
  readonly nowMs: number;
}

const SLOT_MS = 300_000;
const HOUR_MS = 3_600_000;
const MAX_WINDOWS = 33;
const UNNAMED = '(no isp)';

/** @param siteId only this site */
export function savingsReport({ fleet, traffic, nowMs }: SavingsParts, month: Month, siteId?: string): SavingsReport {
  const clusterSites = new Map(fleet.clusters.map(({ id, siteId: site }) => [id, site]));
  const appliances = Map.groupBy(fleet.appliances, ({ clusterId }) => clusterSites.get(clusterId));
  const endMs = Math.min(month.endMs, nowMs - (nowMs % SLOT_MS) + SLOT_MS);
  const sites = fleet.sites
    .filter(({ id }) => siteId === undefined || id === siteId)
    .map(({ id, isp, region, timeZone, fillWindow, transit = {} }) => ({
      siteId: id,
      isp,
      region,
      ...siteSavings({
        firstSlot: month.startMs / SLOT_MS,
        endSlot: Math.max(month.startMs, endMs) / SLOT_MS,
        appliances: (appliances.get(id) ?? []).map(({ id: applianceId, capacityBytes, enduranceBytesPerDay }) => ({
          applianceId,
          capacityBytes,
          enduranceBytesPerDay,
          samples: traffic.samples(applianceId, month),
        })),
        windows: localStartTimes(
          timeZone,
          fillWindow.start,
          month.startMs - fillWindow.hours * HOUR_MS,
          MAX_WINDOWS,
        ).map((startMs) => ({
          start: Math.floor(startMs / SLOT_MS),
          end: Math.ceil((startMs + fillWindow.hours * HOUR_MS) / SLOT_MS),
        })),
        prices: transit,
        keptRates: traffic.keptRates(id, month),
      }),
    }));
  return { month: month.name, isRunning: nowMs < month.endMs, madeAtMs: nowMs, sites, isps: byIsp(sites) };
}

/** The billed rates of a month that is about to be kept by hours only. */
export function ratesBySite(parts: SavingsParts, month: Month): Map<string, SiteRates> {
  const { sites } = savingsReport(parts, month);
  return new Map(sites.flatMap(({ siteId, rates }) => (rates === undefined ? [] : [[siteId, rates] as const])));
}

function byIsp(sites: SavingsReport['sites']): IspSavings[] {
  return [...Map.groupBy(sites, ({ isp }) => isp ?? UNNAMED)].map(([isp, ofIsp]) => {
    const sum = (of: (site: SiteSavings) => number): number => ofIsp.reduce((total, site) => total + of(site), 0);
    const savedMoney: Record<string, number> = {};
    for (const { savedMoney: money } of ofIsp) {
      if (money === undefined) continue;
      savedMoney[money.currency] = (savedMoney[money.currency] ?? 0) + (money.byVolume ?? 0) + (money.byRate ?? 0);
    }
    return {
      isp,
      siteCount: ofIsp.length,
      servedBytes: sum(({ servedBytes }) => servedBytes),
      crossedBytes: sum(({ crossedBytes }) => crossedBytes),
      savedBytes: sum(({ savedBytes }) => savedBytes),
      savedMoney,
    };
  });
}
