import { join } from 'node:path';
import { HeldPlan } from '../../../../appliance/fill/planned/held-plan.ts';
import { PlanFile } from '../../../../appliance/fill/planned/plan-file.ts';
import { PlannedFill } from '../../../../appliance/fill/planned/planned-fill.ts';
import type { FileManifest } from '../../../../src/contracts/file-manifest.ts';
import type { FillPlanSource, FillWindow } from '../../../../src/contracts/fill-plan.ts';
import { loadOrCreateIdentity } from '../../../../src/signing/identity.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeFiller, type SourceScript } from '../../../support/fake-filler.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { fillParts } from '../../../support/fill-parts.ts';
import { originSource, sampleManifest, samplePlan, samplePlanFile } from '../../../support/sample-plan.ts';

export const MIB = 2 ** 20;
export const HOUR_MS = 3_600_000;
/** 1 MiB a second. */
export const ONE_BLOCK_A_SECOND = 8 * MIB;

export interface Wish {
  readonly path: string;
  readonly blocks: number;
  readonly headBytes?: number;
  readonly priority?: number;
  /** Its manifest comes with `bringManifests`. */
  readonly lacksManifest?: boolean;
  readonly sources?: readonly FillPlanSource[];
}

/** Planned fill with its real parts, over a store, a filler and a world that belong to the test. */
export class FillRig {
  readonly world = new FakeWorld();
  readonly store = new FakeStore();
  readonly startMs = this.world.clock.nowMs();
  readonly filler: FakeFiller;
  readonly parts: ReturnType<typeof fillParts>;
  readonly fill: PlannedFill;
  onFilled: (kind: FillPlanSource['kind'], bytes: number) => void = () => undefined;
  readonly #dir: string;
  readonly #held: HeldPlan;
  #lacking: FileManifest[] = [];

  constructor(dir: string, script?: SourceScript) {
    const { world, store } = this;
    this.#dir = dir;
    this.#held = new HeldPlan(new PlanFile(dir));
    this.filler = new FakeFiller(store, world.clock, script);
    this.parts = fillParts(dir, world, this.#held);
    this.fill = new PlannedFill({
      applianceId: 'a1',
      held: this.#held,
      ...this.parts,
      store,
      filler: this.filler,
      world,
      logger: silentLogger,
      bulkShare: () => 1,
      onFilled: (kind, bytes) => this.onFilled(kind, bytes),
      onFailed: () => undefined,
      onProgress: () => undefined,
    });
  }

  /** Takes a plan of these files; windows are in ms from the rig's start. */
  plan(wishes: readonly Wish[], windows: readonly Partial<FillWindow>[]): void {
    const planner = loadOrCreateIdentity('planner', join(this.#dir, 'planner.pem'));
    const files = wishes.map(({ path, blocks, headBytes, priority = 0, sources = [originSource], lacksManifest }) => {
      const manifest = sampleManifest(path, blocks * MIB, planner);
      const file = samplePlanFile(manifest, { priority, sources: [...sources], headBytes });
      return { manifest, file, isHere: lacksManifest !== true };
    });
    const absolute = windows.map(({ startsAtMs = 0, endsAtMs = HOUR_MS, ...rest }) => ({
      fillBitsPerSec: ONE_BLOCK_A_SECOND,
      ...rest,
      startsAtMs: this.startMs + startsAtMs,
      endsAtMs: this.startMs + endsAtMs,
    }));
    const planFiles = files.map(({ file }) => file);
    this.#held.hold(samplePlan(planner, planFiles, { planVersion: 1, windows: absolute }));
    for (const { manifest, isHere } of files) if (isHere) this.#held.addManifest(manifest, manifest);
    this.#lacking = files.filter(({ isHere }) => !isHere).map(({ manifest }) => manifest);
  }

  /** Takes a plan of so many files of one block below a path, without windows and manifests. */
  planOfMany(below: string, count: number): void {
    const planner = loadOrCreateIdentity('planner', join(this.#dir, 'planner.pem'));
    const one = samplePlanFile(sampleManifest(below, MIB, planner), {});
    const files = Array.from({ length: count }, (_, at) => ({ ...one, path: `${below}/${at}` }));
    this.#held.hold(samplePlan(planner, files, { planVersion: 1, windows: [] }));
  }

  /** One by one, as they come from a planner. */
  async bringManifests(): Promise<void> {
    for (const manifest of this.#lacking) {
      this.#held.addManifest(manifest, manifest);
      await this.world.clock.advance(1);
    }
  }

  heldBlocks(path: string): number {
    return this.store.find(path)?.heldBlocks ?? 0;
  }

  /** Blocks that were asked of a source. */
  askedOf(sourceId: string): number {
    return this.filler.calls.filter((call) => call.sourceId === sourceId).length;
  }

  async end(): Promise<void> {
    const ended = this.fill.stop(0);
    await this.world.clock.advance(1);
    await ended;
  }
}
