/**
 * What one site saved its ISP in a month, from the bytes of its appliances by five minutes.
 *
 * Saved is what viewers were served less what crossed the site's link for it: fills and misses from other sites and from
 * the origin. What peers of the site gave each other crossed nothing. A site that takes in more than it serves has a
 * negative saving, and the report says so: that is the complaint that small ISPs have about caches.
 *
 * The billed rate: the 95th percentile over all five minutes of the month so far, of what was served (what the link
 * would have carried without the appliances) and of what crossed. Both are of this traffic alone. What else is on the
 * link is not known here; where its peak comes at another hour, less than the difference is saved of the bill.
 *
 * Limits: months are UTC, bills may be not; an appliance that was moved counts for the site where it stands now.
 */
export interface TrafficSample {
  /** In units of five minutes since 1970. */
  readonly slot: number;
  /** 1, or 12 for an hour. */
  readonly slotCount: number;
  readonly served: number;
  readonly fillPeer: number;
  readonly fillTier: number;
  readonly fillOrigin: number;
  readonly missPeer: number;
  readonly missTier: number;
  readonly missOrigin: number;
}

export interface ApplianceTraffic {
  readonly applianceId: string;
  readonly capacityBytes: number;
  readonly enduranceBytesPerDay: number | undefined;
  readonly samples: Iterable<TrafficSample>;
}

export interface SiteInput {
  readonly firstSlot: number;
  /** One past the last slot of the month that has begun. */
  readonly endSlot: number;
  readonly appliances: readonly ApplianceTraffic[];
  /** When the site may fill: half-open, in slots, ascending. */
  readonly windows: readonly { readonly start: number; readonly end: number }[];
  readonly prices: {
    readonly perTerabyte?: number | undefined;
    readonly perMbpsMonth?: number | undefined;
    readonly currency?: string | undefined;
  };
  /** 95th percentiles of before, where the five minutes are not kept any more. */
  readonly keptRates: SiteRates | undefined;
}

export interface SiteRates {
  readonly servedBitsPerSec: number;
  readonly crossedBitsPerSec: number;
}

interface BySource {
  peer: number;
  tier: number;
  origin: number;
}

export interface ApplianceSavings {
  readonly applianceId: string;
  readonly servedBytes: number;
  readonly filledBytes: Readonly<BySource>;
  readonly missedBytes: Readonly<BySource>;
  /** Planned bytes taken in per byte of capacity and day. */
  readonly churnPerDay: number;
  /** Bytes written per byte of capacity and day: drive writes. */
  readonly writesPerDay: number;
  /** Share of what its disks stand per day; undefined where the fleet does not say that. */
  readonly wornShare: number | undefined;
}

export interface SiteSavings {
  readonly servedBytes: number;
  /** For the plan, and for viewers who waited. */
  readonly filledBytes: Readonly<BySource>;
  readonly missedBytes: Readonly<BySource>;
  readonly filledInWindowBytes: number;
  readonly filledOutsideBytes: number;
  readonly crossedBytes: number;
  /** May be negative. */
  readonly savedBytes: number;
  readonly savedShare: number;
  /** 95th percentiles; undefined while nothing was served. */
  readonly rates: SiteRates | undefined;
  /** Undefined where the fleet states no price. */
  readonly savedMoney:
    | { readonly currency: string; readonly byVolume: number | undefined; readonly byRate: number | undefined }
    | undefined;
  readonly days: readonly { readonly day: string; readonly servedBytes: number; readonly crossedBytes: number }[];
  readonly appliances: readonly ApplianceSavings[];
}

const SLOT_SEC = 300;
const SLOTS_PER_DAY = 288;
const PERCENTILE = 0.95;

export function siteSavings(input: SiteInput): SiteSavings {
  const { firstSlot, endSlot, appliances, windows, prices, keptRates } = input;
  const slotCount = Math.max(0, endSlot - firstSlot);
  const served = new Float64Array(slotCount);
  const crossed = new Float64Array(slotCount);
  const totals = { filled: nothing(), missed: nothing(), inWindow: 0, outside: 0 };
  let isFine = true;
  let firstSeen = Number.POSITIVE_INFINITY;
  const each = appliances.map((appliance): ApplianceSavings => {
    const own = { served: 0, filled: nothing(), missed: nothing() };
    for (const sample of appliance.samples) {
      const index = sample.slot - firstSlot;
      if (index < 0 || index >= slotCount) continue;
      firstSeen = Math.min(firstSeen, sample.slot);
      isFine &&= sample.slotCount === 1;
      own.served += sample.served;
      addTo(own.filled, sample.fillPeer, sample.fillTier, sample.fillOrigin);
      addTo(own.missed, sample.missPeer, sample.missTier, sample.missOrigin);
      served[index] = (served[index] ?? 0) + sample.served;
      crossed[index] =
        (crossed[index] ?? 0) + sample.fillTier + sample.fillOrigin + sample.missTier + sample.missOrigin;
      const fill = sample.fillPeer + sample.fillTier + sample.fillOrigin;
      if (isWithin(windows, sample.slot)) totals.inWindow += fill;
      else totals.outside += fill;
    }
    addTo(totals.filled, own.filled.peer, own.filled.tier, own.filled.origin);
    addTo(totals.missed, own.missed.peer, own.missed.tier, own.missed.origin);
    return describeAppliance(appliance, own, (endSlot - Math.max(firstSlot, firstSeen)) / SLOTS_PER_DAY);
  });
  const servedBytes = each.reduce((sum, appliance) => sum + appliance.servedBytes, 0);
  const crossedBytes = totals.filled.tier + totals.filled.origin + totals.missed.tier + totals.missed.origin;
  const seenFrom = Math.max(0, firstSeen - firstSlot);
  const rates = isFine && Number.isFinite(firstSeen) ? ratesOf(served, crossed, seenFrom) : keptRates;
  const savedBytes = servedBytes - crossedBytes;
  return {
    servedBytes,
    filledBytes: totals.filled,
    missedBytes: totals.missed,
    filledInWindowBytes: totals.inWindow,
    filledOutsideBytes: totals.outside,
    crossedBytes,
    savedBytes,
    savedShare: servedBytes === 0 ? 0 : savedBytes / servedBytes,
    rates,
    savedMoney: moneyOf(prices, savedBytes, rates),
    days: daysOf(firstSlot, served, crossed),
    appliances: each,
  };
}

/** The rate that 95 of 100 five minutes stay below or at, the quiet ones since the first that was told counted too. */
function ratesOf(served: Float64Array, crossed: Float64Array, seenFrom: number): SiteRates {
  const rateOf = (bytes: Float64Array): number => {
    const sorted = bytes.slice(seenFrom).sort();
    return ((sorted[Math.max(0, Math.ceil(sorted.length * PERCENTILE) - 1)] ?? 0) * 8) / SLOT_SEC;
  };
  return { servedBitsPerSec: rateOf(served), crossedBitsPerSec: rateOf(crossed) };
}

function moneyOf(
  { perTerabyte, perMbpsMonth, currency = '' }: SiteInput['prices'],
  savedBytes: number,
  rates: SiteRates | undefined,
): SiteSavings['savedMoney'] {
  if (perTerabyte === undefined && perMbpsMonth === undefined) return undefined;
  const savedRate = rates && rates.servedBitsPerSec - rates.crossedBitsPerSec;
  return {
    currency,
    byVolume: perTerabyte === undefined ? undefined : (savedBytes / 1e12) * perTerabyte,
    byRate: perMbpsMonth === undefined || savedRate === undefined ? undefined : (savedRate / 1e6) * perMbpsMonth,
  };
}

function daysOf(firstSlot: number, served: Float64Array, crossed: Float64Array): SiteSavings['days'] {
  const sum = (bytes: Float64Array, from: number): number =>
    bytes.subarray(from, from + SLOTS_PER_DAY).reduce((total, value) => total + value, 0);
  return Array.from({ length: Math.ceil(served.length / SLOTS_PER_DAY) }, (_, day) => ({
    day: new Date((firstSlot + day * SLOTS_PER_DAY) * SLOT_SEC * 1000).toISOString().slice(0, 10),
    servedBytes: sum(served, day * SLOTS_PER_DAY),
    crossedBytes: sum(crossed, day * SLOTS_PER_DAY),
  }));
}

function describeAppliance(
  { applianceId, capacityBytes, enduranceBytesPerDay }: ApplianceTraffic,
  own: { readonly served: number; readonly filled: BySource; readonly missed: BySource },
  dayCount: number,
): ApplianceSavings {
  // The first hour of a fleet is not a twenty-fourth of its first day: everything is filled in it.
  const perDay = (bytes: number): number => bytes / Math.max(1, dayCount);
  const written = totalOf(own.filled) + totalOf(own.missed);
  return {
    applianceId,
    servedBytes: own.served,
    filledBytes: own.filled,
    missedBytes: own.missed,
    churnPerDay: perDay(totalOf(own.filled)) / capacityBytes,
    writesPerDay: perDay(written) / capacityBytes,
    wornShare: enduranceBytesPerDay === undefined ? undefined : perDay(written) / enduranceBytesPerDay,
  };
}

const isWithin = (windows: SiteInput['windows'], slot: number): boolean =>
  windows.some(({ start, end }) => start <= slot && slot < end);

const nothing = (): BySource => ({ peer: 0, tier: 0, origin: 0 });
const totalOf = ({ peer, tier, origin }: BySource): number => peer + tier + origin;

function addTo(sum: BySource, peer: number, tier: number, origin: number): void {
  sum.peer += peer;
  sum.tier += tier;
  sum.origin += origin;
}
