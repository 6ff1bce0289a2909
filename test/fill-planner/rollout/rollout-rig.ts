import { join } from 'node:path';
import { EMPTY_CALENDAR } from '../../../fill-planner/calendar/calendar-facts.ts';
import { DEFAULT_HOLD_SETTINGS } from '../../../fill-planner/hold/hold-input.ts';
import type { PlanDraft } from '../../../fill-planner/plan/draft-plan.ts';
import type { FleetInputs } from '../../../fill-planner/plan/fleet-inputs.ts';
import { type PlannedAppliance, PlanStore } from '../../../fill-planner/plan/plan-store.ts';
import { numberPlanned, plannedRenditions } from '../../../fill-planner/plan/stored/number-contents.ts';
import { preparePlan } from '../../../fill-planner/plan/stored/prepare-plan.ts';
import { planFigures } from '../../../fill-planner/review/plan-figures.ts';
import { PlanRollout, type PublishWish, type RolloutRules } from '../../../fill-planner/rollout/plan-rollout.ts';
import { RolloutStore } from '../../../fill-planner/rollout/rollout-store.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { type Identity, loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { catalogueOf, demandOf } from '../plan/generated-fleet.ts';

export const HOUR_MS = 3_600_000;
/** A midnight: windows are from 2 to 6. */
export const FIRST_MS = Date.UTC(2030, 0, 20);
const TITLES = 20;
const SIZE_BYTES = 1_000_000;

export const RULES: RolloutRules = {
  release: { canaryClusters: [], canaryMs: 24 * HOUR_MS, cohortMs: 6 * HOUR_MS, cohortShare: 0.1 },
  guard: { maxDropShare: 0.3, maxServedFall: 0.02 },
  trial: { trialMs: 48 * HOUR_MS, falseReturns: 0.01, tolerance: 0.01 },
  returnHoldMs: 24 * HOUR_MS,
};

/**
 * Cycles of a rollout over real stores, with plans that the test writes by hand: three clusters of one appliance each,
 * twenty titles of one rendition each, all expected alike.
 */
export class RolloutRig {
  readonly #folder: string;
  readonly #identity: Identity;
  readonly #rules: RolloutRules;
  readonly #catalogue = catalogueOf(Array.from({ length: TITLES }, () => [SIZE_BYTES]));
  #plans: PlanStore;
  #store: RolloutStore;
  #rollout: PlanRollout;
  #samples = 0;
  /** Titles that are in the catalogue no more. */
  readonly retired = new Set<string>();
  /** Titles that launch now. */
  readonly launching = new Set<string>();
  readonly clusters = ['c1', 'c2', 'c3'];
  readonly capacities = new Map<string, number>();

  constructor(folder: string, rules: RolloutRules = RULES) {
    this.#folder = folder;
    this.#identity = loadOrCreateIdentity('planner', join(folder, 'identity.pem'));
    this.#rules = rules;
    [this.#plans, this.#store, this.#rollout] = this.#open();
  }

  /** As after a kill: everything is opened again from what is on disk. */
  reopen(): void {
    this.close();
    [this.#plans, this.#store, this.#rollout] = this.#open();
  }

  close(): void {
    this.#plans.close();
    this.#store.close();
  }

  get store(): RolloutStore {
    return this.#store;
  }

  /** One cycle whose plans hold these titles, by cluster. @returns outcome by appliance, and the decisions */
  cycle(nowMs: number, titlesOf: (clusterId: string) => readonly number[], wish: PublishWish = {}, isKilled = false) {
    const inputs = this.#inputs(nowMs);
    const drafts = this.clusters.map((clusterId) => this.#draft(clusterId, titlesOf(clusterId), inputs));
    const decision = atOnce(this.#rollout.decide(inputs, drafts, planFigures(inputs, drafts), wish));
    const numbering = numberPlanned(
      this.#plans,
      plannedRenditions(decision.drafts),
      inputs.facts.length,
      (rendition) => this.#catalogue.contents[rendition] ?? { id: '', files: [] },
      nowMs,
    );
    const numbered = atOnce(numbering);
    this.#plans.setFleet(inputs.appliances.map(({ id }) => id));
    const saved = this.#plans.save(
      decision.drafts.map((draft) => preparePlan(draft, numbered)),
      this.#identity,
      nowMs,
    );
    if (!isKilled) {
      atOnce(this.#rollout.keep(decision, saved, inputs));
      this.#plans.trim(nowMs, this.#rollout.neededVersions());
    }
    return { decision, saved: new Map(saved.map((each: PlannedAppliance) => [each.applianceId, each])) };
  }

  /** The appliance of a cluster says that no source gives it what it misses of its newest plan. */
  reportBlocked(clusterId: string, nowMs: number): void {
    const applianceId = `a-${clusterId}`;
    const planVersion = this.#plans.versionsInForce().get(applianceId) ?? 1;
    const nothing = { fileCount: 1, heldFileCount: 0, planBytes: 1, heldBytes: 0 };
    const filledBytes = { peer: 0, tier: 0, origin: 0 };
    this.#plans.report(
      {
        version: 1,
        applianceId,
        planVersion,
        reportedAtMs: nowMs,
        state: 'blocked',
        ...nothing,
        filledBytes,
        failures: [],
      },
      nowMs,
    );
  }

  /** The titles that the plan in force of a cluster's appliance holds. */
  held(clusterId: string): number[] {
    const applianceId = `a-${clusterId}`;
    const version = this.#plans.versionsInForce().get(applianceId) ?? 0;
    const draft = this.#plans.draftOf(applianceId, version, (id) => this.#numberOf(id));
    return Array.from(draft?.rendition ?? [], (rendition) => this.#titleOf(rendition)).sort((a, b) => a - b);
  }

  /** An hour in which viewers of every cluster ask for every title alike; what is not held is missed. */
  watch(hourStartMs: number, held: (clusterId: string) => readonly number[] = (id) => this.held(id)): void {
    for (const clusterId of this.clusters) {
      const here = new Set(held(clusterId));
      this.#samples += 1;
      this.#rollout.count(
        {
          version: 1,
          sampleId: `00000000-0000-4000-8000-${String(this.#samples).padStart(12, '0')}`,
          applianceId: `a-${clusterId}`,
          siteId: 's1',
          hourStartMs,
          entries: Array.from({ length: TITLES }, (_, title) => ({
            path: `/t${title}/v0.mp4`,
            requests: 1,
            servedBytes: SIZE_BYTES,
            missedBytes: here.has(title) ? 0 : SIZE_BYTES,
          })),
        },
        (path) => `${path.split('/')[1]}/v0`,
      );
    }
  }

  #inputs(nowMs: number): FleetInputs {
    const { facts } = this.#catalogue;
    return {
      nowMs,
      settings: { ...DEFAULT_HOLD_SETTINGS, reserveShare: 0.1, originWaitSec: 600 },
      sites: [
        {
          id: 's1',
          region: 'de',
          fillBitsPerSec: 1e9,
          windowHours: 4,
          windowStartsAtMs: [-1, 0, 1].map(
            (day) => Math.floor(nowMs / (24 * HOUR_MS) + day) * 24 * HOUR_MS + 2 * HOUR_MS,
          ),
        },
      ],
      clusters: this.clusters.map((id) => ({ id, siteId: 's1' })),
      appliances: this.clusters.map((clusterId) => ({
        id: `a-${clusterId}`,
        clusterId,
        baseUrl: `http://a-${clusterId}.example`,
        capacityBytes: this.capacities.get(clusterId) ?? 1e9,
      })),
      facts,
      originUrls: facts.map(() => 'http://origin.example'),
      fileCounts: Uint32Array.from(facts, () => 2),
      demand: new Map([['de', demandOf(facts.map(() => 3_000_000))]]),
      calendar: {
        ...EMPTY_CALENDAR,
        launches: [...this.launching].map((titleId) => ({
          titleId,
          region: undefined,
          startsAtMs: nowMs + 24 * HOUR_MS,
          expected: undefined,
          isEmbargoed: false,
        })),
        retirements: [...this.retired].map((titleId) => ({
          titleId,
          retiresAtMs: 0,
          deletesAtMs: Number.MAX_SAFE_INTEGER,
        })),
      },
      heldBefore: atOnce(this.#plans.readHeld((id) => this.#numberOf(id))),
    };
  }

  #draft(clusterId: string, titles: readonly number[], { sites, nowMs }: FleetInputs): PlanDraft {
    const rendition = Uint32Array.from(titles, (title) => this.#numberOf(`t${title}/v0`) ?? 0);
    const starts = (sites[0]?.windowStartsAtMs ?? []).filter((startsAtMs) => startsAtMs + 4 * HOUR_MS > nowMs);
    return {
      applianceId: `a-${clusterId}`,
      clusterId,
      region: 'de',
      windows: starts.map((startsAtMs) => ({ startsAtMs, endsAtMs: startsAtMs + 4 * HOUR_MS, fillBitsPerSec: 1e8 })),
      rendition,
      isHead: rendition.length === 0 ? new Uint8Array(0) : new Uint8Array(rendition.length),
      isMaster: new Uint8Array(rendition.length).fill(1),
      expectedBytes: new Float64Array(rendition.length).fill(1_000_000),
      rank: Uint32Array.from(rendition.keys()),
      itemCount: TITLES,
      copies: new Uint16Array(rendition.length).fill(1),
      reason: new Uint32Array(rendition.length),
      reasons: ['because'],
      sources: new Uint32Array(rendition.length),
      sourceLists: [[{ kind: 'origin', id: 'origin', baseUrl: 'http://origin.example', afterSec: 0 }]],
    };
  }

  #numberOf(renditionId: string): number | undefined {
    const number = this.#catalogue.facts.findIndex(({ id }) => id === renditionId);
    return number < 0 ? undefined : number;
  }

  #titleOf(rendition: number): number {
    return Number(this.#catalogue.facts[rendition]?.titleId.slice(1));
  }

  #open(): [PlanStore, RolloutStore, PlanRollout] {
    const plans = new PlanStore(join(this.#folder, 'plan.sqlite'));
    const store = new RolloutStore(join(this.#folder, 'rollout.sqlite'));
    return [plans, store, new PlanRollout({ store, plans, rules: this.#rules, logger: silentLogger })];
  }
}

export const titles = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
