import { setImmediate as othersTurn } from 'node:timers/promises';
import { changeFleet, type FleetChange, missingFrom } from '../fleet/change-fleet.ts';
import { HELD } from '../hold/held.ts';
import { diffHoldings, type HoldingsDiff } from '../review/diff-holdings.ts';
import { explainRendition, type PlanInForce, type RenditionExplanation } from '../review/explain-rendition.ts';
import { bytesOfPart, type HoldingColumns } from '../review/holding-columns.ts';
import { type ClusterFigures, clusterDemand, factColumns, type HeldNow, planFigures } from '../review/plan-figures.ts';
import { whyNotHeld } from '../review/why-not.ts';
import type { ClusterDecision } from '../rollout/decide-release.ts';
import type { PlanRollout } from '../rollout/plan-rollout.ts';
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs } from './fleet-inputs.ts';
import { type GatherParts, gatherFleet } from './gather-fleet.ts';
import type { PlannedContents } from './stored/prepare-plan.ts';
import { makePlans, placeClusters } from './threads/make-plans.ts';

/**
 * Questions of operators about plans. None of them changes anything; each gathers everything anew, as a cycle does, and
 * leaves the event loop to others as it does.
 */
export interface ReviewParts extends GatherParts {
  readonly rollout: PlanRollout;
  readonly planThreads: number;
}

export interface PlanDiff extends HoldingsDiff {
  readonly applianceId: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  /** Of the older plan, renditions that are not in the catalogue any more: how large they were is not known. */
  readonly leftCatalogue: readonly string[];
}

/** Why an answer cannot be given, for whoever asked. */
export interface NoAnswer {
  readonly kind: 'none';
  readonly says: string;
}

export const isNoAnswer = (answer: object): answer is NoAnswer => 'kind' in answer && answer.kind === 'none';
const none = (says: string): NoAnswer => ({ kind: 'none', says });

/**
 * What changed between two plans of an appliance; of everybody when none is named, from the version before to the one in
 * force.
 */
export async function diffPlans(
  parts: ReviewParts,
  question: {
    readonly appliance?: string | undefined;
    readonly from?: number | undefined;
    readonly to?: number | undefined;
  },
  nowMs: number,
): Promise<readonly PlanDiff[] | NoAnswer> {
  const { inputs } = await gatherFleet(parts, nowMs);
  const inForce = parts.plans.versionsInForce();
  const { appliance } = question;
  if (appliance !== undefined && !inForce.has(appliance)) return none(`there is no plan for '${appliance}'`);
  const asked = [...inForce].filter(([id]) => appliance === undefined || id === appliance);
  const diffs: PlanDiff[] = [];
  for (const [applianceId, newest] of asked) {
    const toVersion = question.to ?? newest;
    const fromVersion = question.from ?? toVersion - 1;
    const diff = diffOne(parts, inputs, applianceId, fromVersion, toVersion);
    if (isNoAnswer(diff) && appliance !== undefined) return diff;
    if (!isNoAnswer(diff)) diffs.push(diff);
    await othersTurn();
  }
  return diffs;
}

function diffOne(
  { plans }: ReviewParts,
  inputs: FleetInputs,
  applianceId: string,
  fromVersion: number,
  toVersion: number,
): PlanDiff | NoAnswer {
  const numberOf = numbersOf(inputs);
  const to = plans.draftOf(applianceId, toVersion, numberOf);
  if (to === undefined) return none(`plan ${toVersion} of ${applianceId} is not kept`);
  // Before the first plan there was nothing.
  const leftCatalogue: string[] = [];
  const from =
    fromVersion === 0
      ? undefined
      : plans.draftOf(applianceId, fromVersion, (id) => {
          const number = numberOf(id);
          if (number === undefined) leftCatalogue.push(id);
          return number;
        });
  if (from === undefined && fromVersion !== 0) return none(`plan ${fromVersion} of ${applianceId} is not kept`);
  const expected = clusterDemand(inputs, to.clusterId);
  const copies = new Map(Array.from(to.rendition, (rendition, entry) => [rendition, to.copies[entry] ?? 1]));
  return {
    applianceId,
    fromVersion,
    toVersion,
    leftCatalogue: leftCatalogue.sort(),
    ...diffHoldings(
      from === undefined ? [] : [from],
      [to],
      inputs.facts,
      (rendition) => expected(rendition) / (copies.get(rendition) ?? 1),
    ),
  };
}

export interface Explanation {
  readonly subject: { readonly kind: 'file' | 'rendition' | 'title'; readonly name: string };
  readonly nowMs: number;
  readonly renditions: readonly RenditionExplanation[];
  /** By cluster, what the last cycle decided about its plans; empty until one has run. */
  readonly published: Readonly<Record<string, ClusterDecision>>;
  /** Clusters that are not spoken of, because there are so many. */
  readonly furtherClusters: number;
}

/** A cluster that holds nothing of it costs a hold of its own to be asked why. */
const MAX_CLUSTERS = 12;
const MAX_RENDITIONS = 60;

/** @param name path of a file, id of a rendition or of a title */
export async function explainPlace(
  parts: ReviewParts,
  { name, cluster }: { readonly name: string; readonly cluster?: string | undefined },
  nowMs: number,
): Promise<Explanation | NoAnswer> {
  const { inputs } = await gatherFleet(parts, nowMs);
  const subject = subjectOf(parts, inputs, name);
  if (subject === undefined) return none(`the catalogue has no file, rendition or title '${name}'`);
  if (cluster !== undefined && !inputs.clusters.some(({ id }) => id === cluster))
    return none(`there is no cluster '${cluster}' in the fleet`);
  const plans = await plansInForce(parts, inputs);
  const all = cluster === undefined ? inputs.clusters.map(({ id }) => id) : [cluster];
  const clusterIds = holdersFirst(all, subject.renditions, plans).slice(0, MAX_CLUSTERS);
  const renditions = subject.renditions.slice(0, MAX_RENDITIONS);
  const asked = lackingClusters(inputs, clusterIds, renditions, plans);
  const placements = await placeClusters(inputs, asked, parts.planThreads);
  const input = {
    inputs,
    plans,
    reports: new Map(parts.plans.reports().map(({ report }) => [report.applianceId, report])),
    whyNot: (clusterId: string, rendition: number): string => {
      const placement = placements.get(clusterId);
      if (placement === undefined) throw new Error(`'${clusterId}' was not placed, although it lacks something`);
      return whyNotHeld(inputs, placement, rendition);
    },
  };
  return {
    subject: { kind: subject.kind, name },
    nowMs,
    renditions: renditions.flatMap((rendition) => explainRendition(input, rendition, clusterIds) ?? []),
    published: Object.fromEntries(parts.rollout.lastDecisions()),
    furtherClusters: all.length - clusterIds.length,
  };
}

function subjectOf(
  { catalog }: ReviewParts,
  { facts }: FleetInputs,
  name: string,
): { readonly kind: Explanation['subject']['kind']; readonly renditions: readonly number[] } | undefined {
  const find = (matches: (fact: FleetInputs['facts'][number]) => boolean): number[] =>
    facts.flatMap((fact, index) => (matches(fact) ? [index] : []));
  const byRendition = find(({ id }) => id === name);
  if (byRendition.length > 0) return { kind: 'rendition', renditions: byRendition };
  const ofFile = catalog.renditionOf(name);
  if (ofFile !== undefined) return { kind: 'file', renditions: find(({ id }) => id === ofFile) };
  const byTitle = find(({ titleId }) => titleId === name);
  return byTitle.length === 0 ? undefined : { kind: 'title', renditions: byTitle };
}

async function plansInForce({ plans }: ReviewParts, inputs: FleetInputs): Promise<Map<string, PlanInForce>> {
  const numberOf = numbersOf(inputs);
  const inForce = new Map<string, PlanInForce>();
  for (const { applianceId, planVersion, windows } of plans.all()) {
    const draft = plans.draftOf(applianceId, planVersion, numberOf);
    if (draft !== undefined) inForce.set(applianceId, { planVersion, windows, draft });
    await othersTurn();
  }
  return inForce;
}

/** Those of the clusters that hold nothing of one of the renditions at least. */
function lackingClusters(
  { appliances }: FleetInputs,
  clusterIds: readonly string[],
  renditions: readonly number[],
  plans: ReadonlyMap<string, PlanInForce>,
): string[] {
  return clusterIds.filter((clusterId) => {
    const drafts = appliances.flatMap(({ id, clusterId: its }) =>
      its === clusterId ? (plans.get(id)?.draft ?? []) : [],
    );
    return renditions.some((rendition) => !drafts.some((draft) => draft.rendition.includes(rendition)));
  });
}

/** Clusters that hold some of it before those that hold nothing. */
function holdersFirst(
  clusterIds: readonly string[],
  renditions: readonly number[],
  plans: ReadonlyMap<string, PlanInForce>,
): string[] {
  const holding = new Set(
    [...plans.values()]
      .filter(({ draft }) => renditions.some((rendition) => draft.rendition.includes(rendition)))
      .map(({ draft }) => draft.clusterId),
  );
  return clusterIds.toSorted((a, b) => Number(holding.has(b)) - Number(holding.has(a)));
}

export interface Simulation {
  readonly nowMs: number;
  /** The next plans of the fleet as it is, and of the fleet as asked. */
  readonly before: readonly ClusterFigures[];
  readonly after: readonly ClusterFigures[];
  /** By cluster, why the plans of the fleet as it is would be held by their guard rails. */
  readonly held: Readonly<Record<string, readonly string[]>>;
}

/** What the next cycle would do, and what it would do in another fleet. Takes as long as two cycles. */
export async function simulatePlans(
  parts: ReviewParts,
  change: FleetChange,
  nowMs: number,
): Promise<Simulation | NoAnswer> {
  const stored = parts.fleet.get();
  const missing = missingFrom(stored.fleet, change);
  if (missing.length > 0) return none(missing.join('; '));
  const { inputs: now } = await gatherFleet(parts, nowMs);
  const { inputs: then } = await gatherFleet(
    { ...parts, fleet: { get: () => ({ ...stored, fleet: changeFleet(stored.fleet, change) }) } },
    nowMs,
  );
  const heldNow = await reportedHoldings(parts, now);
  const { drafts, figures } = await makePlans(now, parts.planThreads, noNumbers);
  const before = await figuresOf(now, drafts, heldNow);
  const held = Object.fromEntries(parts.rollout.guard(now, drafts, figures));
  const changed = await makePlans(then, parts.planThreads, noNumbers);
  return { nowMs, before, after: await figuresOf(then, changed.drafts, heldNow), held };
}

/** What is only looked at is not stored, and needs no numbers for good. */
function* noNumbers(): Generator<number, PlannedContents> {
  yield 0;
  const [none, nothing] = [new Uint32Array(0), new Float64Array(0)];
  return { number: none, fileCount: none, headFileCount: none, sizeBytes: nothing, headBytes: nothing };
}

async function figuresOf(
  inputs: FleetInputs,
  drafts: readonly PlanDraft[],
  heldNow: HeldNow,
): Promise<readonly ClusterFigures[]> {
  const columns = factColumns(inputs);
  const figures: ClusterFigures[] = [];
  for (const ofCluster of Map.groupBy(drafts, ({ clusterId }) => clusterId).values()) {
    figures.push(...planFigures(inputs, ofCluster, { heldNow, columns }));
    await othersTurn();
  }
  return figures;
}

/**
 * What appliances have got by their reports: of the plan in force as many bytes as they say, from its front, since that
 * is how plans are filled; nothing where nothing was reported.
 */
async function reportedHoldings(parts: ReviewParts, inputs: FleetInputs): Promise<Map<string, HoldingColumns>> {
  const reports = new Map(parts.plans.reports().map(({ report }) => [report.applianceId, report]));
  return new Map(
    [...(await plansInForce(parts, inputs))].map(([applianceId, { planVersion, draft }]) => {
      const report = reports.get(applianceId);
      if (report?.planVersion === planVersion && report.state === 'complete') return [applianceId, draft];
      let restBytes = report?.planVersion === planVersion ? report.heldBytes : 0;
      let count = 0;
      for (const [entry, rendition] of draft.rendition.entries()) {
        restBytes -= bytesOfPart(inputs.facts, rendition, draft.isHead[entry] === 1 ? HELD.head : HELD.whole);
        if (restBytes < 0) break;
        count += 1;
      }
      return [applianceId, { rendition: draft.rendition.subarray(0, count), isHead: draft.isHead.subarray(0, count) }];
    }),
  );
}

function numbersOf({ facts }: FleetInputs): (renditionId: string) => number | undefined {
  const numbers = new Map(facts.map(({ id }, index) => [id, index]));
  return (renditionId) => numbers.get(renditionId);
}
