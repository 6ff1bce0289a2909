import { localStartTimes } from '../../src/world/local-times.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { LinkStore } from '../link-store/link-store.ts';
import type { TrafficStore } from '../savings/traffic-store.ts';
import { fillWindows } from '../schedule/fill-window.ts';
import { SLOT_MS } from '../schedule/link-forecast.ts';
import { billRates } from '../schedule/site-pace.ts';
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs, PlanSite } from './fleet-inputs.ts';

export interface LinkParts {
  readonly links: Pick<LinkStore, 'measured' | 'given' | 'give'>;
  readonly traffic: Pick<TrafficStore, 'samples'>;
}

/** As far back as forecasts look. */
const HISTORY_SLOTS = 8 * 2016;

const HOUR_MS = 3_600_000;
/** Windows in a plan: enough for an appliance that cannot reach the planner over a long weekend. */
const PLANNED_WINDOWS = 5;

/** A site as plans take it: with its windows in absolute time and what its link allows in them. */
export function planSite(
  { timeZone, fillWindow: { start, hours }, ...site }: Fleet['sites'][number],
  fleet: Fleet,
  parts: LinkParts,
  nowMs: number,
): PlanSite {
  // From one length back, so that the window that is open now is among them.
  const windowStartsAtMs = localStartTimes(timeZone, start, nowMs - hours * HOUR_MS, PLANNED_WINDOWS);
  return withLink({ ...site, windowHours: hours, windowStartsAtMs }, fleet, parts, nowMs);
}

function withLink(
  site: PlanSite,
  { clusters, appliances }: Fleet,
  { links, traffic }: LinkParts,
  nowMs: number,
): PlanSite {
  const { id, link, fillBitsPerSec } = site;
  if (link === undefined) return site;
  const here = new Set(clusters.flatMap((cluster) => (cluster.siteId === id ? [cluster.id] : [])));
  const applianceIds = appliances.flatMap((each) => (here.has(each.clusterId) ? [each.id] : []));
  const windows = fillWindows({ startsAtMs: site.windowStartsAtMs, hours: site.windowHours, fillBitsPerSec, nowMs });
  const history = link.keepsBill === true ? ownUse(id, applianceIds, { links, traffic }, nowMs) : new Float64Array(0);
  return {
    ...site,
    billRates: billRates(link, history, windows, fillBitsPerSec, nowMs),
    givenCaps: links.given(id, nowMs),
  };
}

/**
 * Bits per second across a link without fill: what the operator measured less what was filled; where he did not measure
 * anything, what appliances fetched for viewers, as if nothing else used the link.
 */
function ownUse(siteId: string, applianceIds: readonly string[], parts: LinkParts, nowMs: number): Float64Array {
  const endSlot = Math.floor(nowMs / SLOT_MS);
  const firstSlot = endSlot - HISTORY_SLOTS;
  const measured = parts.links.measured(siteId, firstSlot, endSlot);
  const fill = new Float64Array(HISTORY_SLOTS);
  const missed = new Float64Array(HISTORY_SLOTS).fill(Number.NaN);
  const toRate = 8 / (SLOT_MS / 1000);
  for (const applianceId of applianceIds) {
    const period = { name: '', startMs: firstSlot * SLOT_MS, endMs: endSlot * SLOT_MS };
    for (const sample of parts.traffic.samples(applianceId, period)) {
      for (let slot = sample.slot; slot < sample.slot + sample.slotCount; slot += 1) {
        const at = slot - firstSlot;
        const part = toRate / sample.slotCount;
        fill[at] = (fill[at] ?? 0) + (sample.fillTier + sample.fillOrigin) * part;
        const before = missed[at] ?? 0;
        missed[at] = (Number.isNaN(before) ? 0 : before) + (sample.missTier + sample.missOrigin) * part;
      }
    }
  }
  if (measured.every((use) => Number.isNaN(use))) return missed;
  return measured.map((use, at) => Math.max(0, use - (fill[at] ?? 0)));
}

/** Remembers the caps that plans give, before anybody can have them. */
export function giveCaps(
  drafts: readonly Pick<PlanDraft, 'applianceId' | 'clusterId' | 'windows'>[],
  { clusters }: Pick<FleetInputs, 'clusters'>,
  { links }: Pick<LinkParts, 'links'>,
  nowMs: number,
): void {
  const siteOf = new Map(clusters.map(({ id, siteId }) => [id, siteId]));
  for (const [siteId = '', ofSite] of Map.groupBy(drafts, ({ clusterId }) => siteOf.get(clusterId))) {
    const caps = ofSite.flatMap(({ applianceId, windows }) =>
      windows.flatMap((window) => (window.caps ?? []).map((cap) => ({ ...cap, applianceId }))),
    );
    if (caps.length > 0) links.give(siteId, caps, nowMs);
  }
}
