import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CalendarStore } from '../../../fill-planner/calendar/calendar-store.ts';
import { CatalogStore } from '../../../fill-planner/catalog/catalog-store.ts';
import { DemandStore } from '../../../fill-planner/demand/demand-store.ts';
import { parseFleet } from '../../../fill-planner/fleet/fleet.ts';
import { FleetStore } from '../../../fill-planner/fleet/fleet-store.ts';
import { DEFAULT_HOLD_SETTINGS } from '../../../fill-planner/hold/hold-input.ts';
import { HoldStore } from '../../../fill-planner/hold-store/hold-store.ts';
import { LinkStore } from '../../../fill-planner/link-store/link-store.ts';
import {
  type CycleOptions,
  type CycleReport,
  type PlanCycleParts,
  runPlanCycle,
} from '../../../fill-planner/plan/plan-cycle.ts';
import { PlanStore } from '../../../fill-planner/plan/plan-store.ts';
import { parseShare } from '../../../fill-planner/plan/region-share.ts';
import { PlanRollout, type RolloutRules } from '../../../fill-planner/rollout/plan-rollout.ts';
import { RolloutStore } from '../../../fill-planner/rollout/rollout-store.ts';
import { TrafficStore } from '../../../fill-planner/savings/traffic-store.ts';
import { type FillPlan, parseFillPlan } from '../../../src/contracts/fill-plan.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { RULES } from '../rollout/rollout-rig.ts';

const DAY_MS = 86_400_000;
const MANIFEST_BYTES = 5000;

/** Plan cycles over all stores of a planner, on a clock of the test. */
export class CycleRig {
  readonly #folder: string;
  readonly #rules: RolloutRules;
  readonly #closing: { close(): void }[] = [];
  parts: PlanCycleParts;
  nowMs: number;

  constructor(folder: string, nowMs: number, rules: RolloutRules = RULES) {
    this.#folder = folder;
    this.#rules = rules;
    this.nowMs = nowMs;
    this.parts = this.#open();
  }

  /** As after a kill: everything is opened again from what is on disk. */
  reopen(): void {
    this.close();
    this.parts = this.#open();
  }

  close(): void {
    for (const store of this.#closing.splice(0)) store.close();
  }

  setFleet(document: unknown): void {
    this.parts.fleet.set(parseFleet(document), this.nowMs);
  }

  /** A title of renditions of one file each, whose first tenth is the head, and a manifest. */
  addTitle(id: string, sizes: readonly number[]): void {
    const renditions = [...sizes, MANIFEST_BYTES].map((sizeBytes, rung) => {
      const isManifest = rung === sizes.length;
      const path = isManifest ? `/${id}/m.mpd` : `/${id}/v${rung}.mp4`;
      const root = createHash('sha256').update(`${path} ${sizeBytes}`).digest('hex');
      return {
        id: isManifest ? `${id}/manifests` : `${id}/v${rung}`,
        kind: isManifest ? ('manifest' as const) : ('video' as const),
        sizeBytes,
        files: [{ path, sizeBytes, root }],
      };
    });
    const files = renditions.flatMap((rendition) =>
      rendition.files.map((file) => ({ ...file, blockHashes: Buffer.alloc(0), segments: [] })),
    );
    const title = { id, name: id, durationMs: 100_000, originUrl: 'http://origin.example', renditions };
    const measures = sizes.map((sizeBytes) => ({
      durationMs: 100_000,
      codecs: '',
      headBytes: [Math.floor(sizeBytes / 10)],
    }));
    this.parts.catalog.put({ title, files, measures } as Parameters<CatalogStore['put']>[0], this.nowMs);
  }

  /** What viewers of a region asked for within an hour, by path. */
  watch(region: string, hourStartMs: number, servedBytes: ReadonlyMap<string, number>): void {
    const { catalog, demand } = this.parts;
    const entries = [...servedBytes].map(([path, bytes]) => ({ path, requests: 1, servedBytes: Math.round(bytes) }));
    demand.count(
      { version: 1, sampleId: crypto.randomUUID(), applianceId: 'a', siteId: 's', hourStartMs, entries },
      region,
      (path) => catalog.renditionOf(path),
      this.nowMs,
    );
  }

  cycle(options: CycleOptions = {}): Promise<CycleReport> {
    return runPlanCycle(this.parts, options);
  }

  /** The plan in force as its appliance gets it. */
  plan(applianceId: string): FillPlan | undefined {
    const { plans, identity } = this.parts;
    const stored = plans.newest(applianceId);
    return stored === undefined
      ? undefined
      : parseFillPlan(JSON.parse(atOnce(plans.document(stored, identity)).toString()));
  }

  #open(): PlanCycleParts {
    const file = (name: string): string => join(this.#folder, name);
    const open = <T extends { close(): void }>(store: T): T => {
      this.#closing.push(store);
      return store;
    };
    const plans = open(new PlanStore(file('plan.sqlite')));
    const store = open(new RolloutStore(file('rollout.sqlite')));
    return {
      calendar: open(new CalendarStore(file('calendar.sqlite'))),
      catalog: open(new CatalogStore(file('catalogue.sqlite'))),
      demand: open(new DemandStore(file('demand.sqlite'), { retentionMs: 28 * DAY_MS, maxRows: 5_000_000 })),
      fleet: open(new FleetStore(file('fleet.sqlite'))),
      holds: open(new HoldStore(file('hold.sqlite'))),
      links: open(new LinkStore(file('link.sqlite'))),
      traffic: open(new TrafficStore(file('traffic.sqlite'))),
      plans,
      rollout: new PlanRollout({ store, plans, rules: this.#rules, logger: silentLogger }),
      identity: loadOrCreateIdentity('planner', file('identity.pem')),
      clock: { ...systemWorld.clock, nowMs: () => this.nowMs },
      logger: silentLogger,
      settings: { ...DEFAULT_HOLD_SETTINGS, reserveShare: 0.1, originWaitSec: 600 },
      share: parseShare('1/1'),
      planThreads: 1,
    };
  }
}
