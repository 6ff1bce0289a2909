import type { ApplianceModel } from './appliance-model.ts';
import { isOrigin, type ViewerModel } from './viewer-model.ts';

/** How long after its return an appliance takes back sessions that are its own. */
const RETURNS_FOR_MS = 120_000;
/** Load is seen some seconds late. */
const NEAR_SOFT = 0.9;
const MOST_ABOVE_MEAN = 1.25;

export interface MoveContext {
  readonly appliances: ReadonlyMap<string, ApplianceModel>;
  /** When appliances came back from where they were. */
  readonly returnedMs: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/**
 * Why it was right to send a viewer elsewhere, as the world has it and not as steering thinks; `needless` where nothing
 * says so.
 */
export function moveReason(
  viewer: ViewerModel,
  { from, to }: { readonly from: string; readonly to: string },
  { appliances, returnedMs, nowMs }: MoveContext,
): string {
  const before = appliances.get(from);
  const after = appliances.get(to);
  if (before === undefined) return 'from-origin';
  if (!before.isAlive || before.state !== 'serving' || before.isWithheld) return 'gone';
  if (before.speed < 1) return 'slow';
  if (isLoaded(before, appliances)) return 'loaded';
  if (after === undefined) return isOrigin(to) ? 'to-origin' : 'unknown';
  if (nowMs - (returnedMs.get(to) ?? Number.NEGATIVE_INFINITY) < RETURNS_FOR_MS) return 'returned';
  const [was, is] = [nearness(viewer, before), nearness(viewer, after)];
  if (is < was) return 'nearer';
  return is > was ? 'farther' : 'needless';
}

function isLoaded(appliance: ApplianceModel, all: ReadonlyMap<string, ApplianceModel>): boolean {
  const { facts, loadBitsPerSec, viewers } = appliance;
  const pressure = loadBitsPerSec / facts.softBitsPerSec;
  if (pressure > NEAR_SOFT || viewers > 0.7 * facts.maxRequests) return true;
  const site = [...all.values()].filter((other) => other.facts.site === facts.site && other.isAlive);
  const [load, soft] = site.reduce(
    ([bits, room], other) => [bits + other.loadBitsPerSec, room + other.facts.softBitsPerSec],
    [0, 0],
  );
  // Bounded loads: who is above the mean of its equals gives sessions away; a site that is nearly full all of it.
  return load > NEAR_SOFT * soft || (pressure > 0.5 && pressure > MOST_ABOVE_MEAN * 0.9 * (load / soft));
}

const KINDS = ['embedded', 'peering', 'transit'];

/** 0 its own site, then the others that announce it, then by kind. */
function nearness({ facts }: ViewerModel, { facts: { site } }: ApplianceModel): number {
  const at = facts.neighbourhood.sites.indexOf(site.id);
  return at === -1 ? 10 + KINDS.indexOf(site.kind) : at;
}
