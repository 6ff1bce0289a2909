import { draftCluster } from '../../fill-planner/plan/draft-cluster.ts';
import { draftedFiles } from '../../fill-planner/plan/draft-plan.ts';
import { linkFleet } from '../../fill-planner/plan/link-fleet.ts';
import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import { seededRandom } from '../../test/support/fake-world.ts';
import { fillBoundSec, prefixValue } from './fill-bound.ts';
import { firstFit } from './first-fit.ts';
import { type FleetSize, type GeneratedFleet, generateFleet, type MediaSizes } from './generated-fleet.ts';
import { SimulatedAppliance } from './simulated-appliance.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface FillScenario extends FleetSize {
  readonly name: string;
  readonly seed: number;
  /** Loses one appliance when this share of the shortest time has passed; the planner learns of it two minutes later. */
  readonly losesAtShare?: number;
}

export interface FillResult {
  readonly scenario: string;
  readonly appliances: number;
  readonly sites: number;
  readonly renditions: number;
  readonly uniqueBytes: number;
  readonly plannedBytes: number;
  /** Of the slowest site. */
  readonly makespanSec: number | undefined;
  readonly boundSec: number;
  readonly makespanOverBound: number | undefined;
  /** Bytes across the links from the origin or other sites, by what the sites hold once: mean and worst site. */
  readonly linkCopies: number;
  readonly worstLinkCopies: number;
  /** Bytes that the origin sent, over what each site holds once. */
  readonly originCopies: number;
  /** Seconds in which a site took more than its budget, or anything outside its window. */
  readonly violations: number;
  readonly busiestSecondOverBudget: number;
  /** At the end of the window: value of what arrived over the best possible; worst site. */
  readonly worstPrefixValue: number;
  readonly heldShare: number;
  readonly asks: Readonly<Record<'given' | 'lacked' | 'dead', number>>;
  readonly wallSec: number;
}

const LOSS_NOTICED_MS = 120_000;
const MOST_TIMES_BOUND = 3;

export async function runFleet(scenario: FillScenario, media: MediaSizes): Promise<FillResult> {
  const beganMs = performance.now();
  const random = seededRandom(scenario.seed);
  const fleet = generateFleet(scenario, media, random);
  const windowStartsAtMs = fleet.inputs.sites[0]?.windowStartsAtMs[0] ?? 0;
  const clock = new VirtualClock(windowStartsAtMs);
  const plans = plansOf(fleet, new Set(), 1);
  const sites = [...new Set(fleet.machines.map(({ siteId }) => siteId))];
  const bounds = new Map(sites.map((siteId) => [siteId, fillBoundSec(fleet, plans, siteId)]));
  const boundSec = Math.max(...bounds.values());
  const limitMs = Math.min(fleet.windowMs + 60_000, boundSec * 1000 * MOST_TIMES_BOUND);
  const network = new SimulatedNetwork(clock, fleet.machines, Math.ceil(limitMs / 1000) + 10);
  const world = { clock, random };
  const appliances = fleet.machines.map(({ id }) => new SimulatedAppliance(id, network, world));
  for (const [at, appliance] of appliances.entries()) {
    const plan = plans.find(({ applianceId }) => applianceId === appliance.id);
    // Nobody begins in the same millisecond.
    clock.setTimer(1 + at * 37, () => void (plan !== undefined && appliance.start(plan)));
  }
  let [lost] = [undefined as SimulatedAppliance | undefined];
  if (scenario.losesAtShare !== undefined) {
    const victim = appliances[Math.floor(appliances.length / 2)];
    clock.setTimer(boundSec * 1000 * scenario.losesAtShare, () => {
      lost = victim;
      void victim?.die();
    });
    clock.setTimer(boundSec * 1000 * scenario.losesAtShare + LOSS_NOTICED_MS, () => {
      const newer = plansOf(fleet, new Set([victim?.id ?? '']), 2);
      for (const appliance of appliances) {
        const plan = newer.find(({ applianceId }) => applianceId === appliance.id);
        if (appliance !== victim && plan !== undefined) appliance.follow(plan);
      }
    });
  }
  const isDone = (): boolean => appliances.every((each) => each === lost || each.completeAtMs !== undefined);
  await clock.run(limitMs, isDone);
  const result = judge(scenario, fleet, plans, network, appliances, lost, bounds);
  await Promise.all(appliances.map((appliance) => appliance.stop()));
  return { ...result, wallSec: Math.round((performance.now() - beganMs) / 100) / 10 };
}

function plansOf(fleet: GeneratedFleet, awayAppliances: ReadonlySet<string>, planVersion: number): FillPlan[] {
  const inputs = { ...fleet.inputs, awayAppliances };
  const placements = inputs.clusters.map(({ id }) => firstFit(inputs, id));
  const links = linkFleet(inputs, placements);
  const drafts = placements.flatMap((placement) => draftCluster(inputs, placement, links));
  return drafts.map((draft) => ({
    version: 1,
    planVersion,
    applianceId: draft.applianceId,
    createdAtMs: fleet.inputs.nowMs,
    windows: [...draft.windows],
    ...draftedFiles(draft, (rendition) => fleet.contents[rendition] ?? { id: '', files: [] }),
    keyId: 'bench',
    signature: '',
  }));
}

function judge(
  scenario: FillScenario,
  fleet: GeneratedFleet,
  plans: readonly FillPlan[],
  network: SimulatedNetwork,
  appliances: readonly SimulatedAppliance[],
  lost: SimulatedAppliance | undefined,
  bounds: ReadonlyMap<string, number>,
): Omit<FillResult, 'wallSec'> {
  const alive = appliances.filter((each) => each !== lost);
  const isComplete = alive.every(({ completeAtMs }) => completeAtMs !== undefined);
  const makespanSec = isComplete ? Math.max(...alive.map(({ completeAtMs }) => (completeAtMs ?? 0) / 1000)) : undefined;
  const boundSec = Math.max(...bounds.values());
  const sites = [...bounds.keys()];
  const windowSec = fleet.windowMs / 1000;
  let violations = 0;
  let busiest = 0;
  const perSite = sites.map((siteId) => {
    const members = fleet.machines.filter((machine) => machine.siteId === siteId);
    const budgetBytes = (fleet.inputs.sites.find(({ id }) => id === siteId)?.fillBitsPerSec ?? 0) / 8;
    const seconds = network.linkBytes.get(siteId) ?? new Float64Array(0);
    let linkBytes = 0;
    for (const [second, bytes] of seconds.entries()) {
      linkBytes += bytes;
      busiest = Math.max(busiest, bytes / budgetBytes);
      if (bytes > budgetBytes * (1 + 1e-9) || (bytes > 0 && second >= windowSec)) violations += 1;
    }
    const arrived = new Map<string, number>();
    for (const { id } of members) {
      for (const [path, file] of network.filesOf(id)) {
        arrived.set(path, Math.max(arrived.get(path) ?? 0, file.heldBytes));
      }
    }
    const planned = plans.filter(({ applianceId }) => members.some(({ id }) => id === applianceId));
    const unique = new Map(planned.flatMap(({ files }) => files.map((file) => [file.path, file.sizeBytes] as const)));
    const uniqueBytes = sum(unique.values());
    return {
      uniqueBytes,
      linkBytes,
      originBytes: network.originBytes.get(siteId) ?? 0,
      plannedBytes: sum(planned.flatMap(({ files }) => files.map(({ sizeBytes }) => sizeBytes))),
      heldBytes: sum([...arrived.values()]),
      value: prefixValue(fleet, plans, siteId, arrived, Math.min(windowSec, makespanSec ?? windowSec)),
    };
  });
  const total = (of: (site: (typeof perSite)[number]) => number): number => sum(perSite.map(of));
  return {
    scenario: scenario.name,
    appliances: fleet.machines.length,
    sites: sites.length,
    renditions: fleet.contents.length,
    uniqueBytes: total(({ uniqueBytes }) => uniqueBytes),
    plannedBytes: total(({ plannedBytes }) => plannedBytes),
    makespanSec,
    boundSec,
    makespanOverBound: makespanSec === undefined ? undefined : makespanSec / boundSec,
    linkCopies: total(({ linkBytes }) => linkBytes) / total(({ uniqueBytes }) => uniqueBytes),
    worstLinkCopies: Math.max(...perSite.map(({ linkBytes, uniqueBytes }) => linkBytes / uniqueBytes)),
    originCopies: total(({ originBytes }) => originBytes) / total(({ uniqueBytes }) => uniqueBytes),
    violations,
    busiestSecondOverBudget: busiest,
    worstPrefixValue: Math.min(...perSite.map(({ value }) => value)),
    heldShare: total(({ heldBytes }) => heldBytes) / total(({ uniqueBytes }) => uniqueBytes),
    asks: network.asks,
  };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
