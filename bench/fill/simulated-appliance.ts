import { openWindow, untilNextWindowMs } from '../../appliance/fill/pace/fill-window.ts';
import type { HeldPlan } from '../../appliance/fill/planned/held-plan.ts';
import { PlannedFill, type PlannedFillOptions } from '../../appliance/fill/planned/planned-fill.ts';
import type { FillPlan, FillPlanSource } from '../../src/contracts/fill-plan.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { HeldFile, SimulatedNetwork } from './simulated-network.ts';

const INVENTORY_MS = 15_000;

/**
 * An appliance whose planned fill is the real one, with its choice of sources, its rates and its memory; only what is
 * below it, disks and sockets, is counted instead of done.
 */
export class SimulatedAppliance {
  readonly id: string;
  readonly filledBytes: Record<FillPlanSource['kind'], number> = { peer: 0, tier: 0, origin: 0 };
  readonly #fill: PlannedFill;
  readonly #held: SimulatedPlan;
  readonly #network: SimulatedNetwork;
  readonly #world: World;
  readonly #seenBytes = new Map<string, number>();
  #completeAtMs: number | undefined;

  constructor(id: string, network: SimulatedNetwork, world: World) {
    this.id = id;
    this.#network = network;
    this.#world = world;
    this.#held = new SimulatedPlan();
    this.#fill = new PlannedFill(this.#options());
  }

  /** Monotonic ms at which it held all of its plan; undefined as long as it does not. */
  get completeAtMs(): number | undefined {
    return this.#completeAtMs;
  }

  async start(plan: FillPlan): Promise<void> {
    this.#held.hold(plan);
    this.#askInventories();
    await this.#fill.start();
  }

  /** A newer plan of the planner. */
  follow(plan: FillPlan): void {
    this.#completeAtMs = undefined;
    this.#held.hold(plan);
  }

  /** Ends without a word: the machine is gone. */
  async die(): Promise<void> {
    this.#network.lose(this.id);
    await this.#fill.stop(0);
  }

  stop(): Promise<void> {
    return this.#fill.stop(0);
  }

  /** Every quarter of a minute each appliance learns which of its sources hold more than before. */
  #askInventories(): void {
    if (this.#network.isGone(this.id)) return;
    for (const id of this.#held.sourceIds()) {
      const heldBytes = this.#network.isGone(id) ? 0 : this.#network.heldBytes(id);
      if (heldBytes > (this.#seenBytes.get(id) ?? 0)) this.#fill.gotOn(id);
      this.#seenBytes.set(id, heldBytes);
    }
    this.#world.clock.setTimer(INVENTORY_MS, () => this.#askInventories());
  }

  #options(): PlannedFillOptions {
    const world = this.#world;
    const { clock } = world;
    const windows = () => this.#held.plan?.windows ?? [];
    const find = (path: string): HeldFile | undefined => this.#network.filesOf(this.id).get(path);
    // Parts with state on disks are left out: what they would say in a fleet where nobody lies and nothing was paused.
    const parts = {
      hours: {
        open: (nowMs: number) => openWindow(windows(), nowMs),
        untilNextMs: (nowMs: number) => untilNextWindowMs(windows(), nowMs),
        onChange: () => undefined,
      },
      gone: { look: () => false, pinned: () => new Set<string>(), planChanged: () => undefined },
      bans: { untilMs: () => undefined },
      linkUse: { fillBytes: () => this.filledBytes.tier + this.filledBytes.origin },
      held: this.#held,
      store: {
        find: (path: string) => this.#objectOf(path, find(path)),
        objects: () => [...this.#network.filesOf(this.id)].map(([path, file]) => this.#objectOf(path, file)),
        pin: () => undefined,
        usage: () => ({
          capacityBytes: 1e15,
          usedBytes: 0,
          pinnedBytes: 0,
          objectCount: 0,
          memoryBytes: 0,
          volumes: [],
        }),
      },
      filler: this.#filler(),
    };
    return {
      ...(parts as unknown as Pick<PlannedFillOptions, keyof typeof parts>),
      applianceId: this.id,
      world: { clock, random: world.random },
      logger: silentLogger,
      bulkShare: () => 1,
      sourcesOf: (file) => file.sources,
      onFilled: (kind, bytes) => {
        this.filledBytes[kind] += bytes;
      },
      onFailed: () => undefined,
      onProgress: () => {
        if (this.#fill.state === 'complete') this.#completeAtMs ??= clock.monotonicMs();
      },
    };
  }

  #objectOf(path: string, file: HeldFile | undefined) {
    if (file === undefined) return undefined;
    const root = this.#held.rootOf(path);
    return {
      description: { key: path, sizeBytes: file.sizeBytes, manifestRoot: root },
      blockCount: file.blockCount,
      heldBytes: file.heldBytes,
      heldBlocks: file.heldBlocks,
      isLeft: false,
      holds: (blockIndex: number) => file.holds(blockIndex),
      [Symbol.dispose]: () => undefined,
    };
  }

  #filler() {
    return {
      openPlanned: ({ manifest }: { manifest: { path: string; sizeBytes: number } }) =>
        this.#objectOf(manifest.path, this.#network.file(this.id, manifest.path, manifest.sizeBytes)),
      fillPlannedBlock: async (
        object: { description: { key: string; sizeBytes: number } },
        _planned: unknown,
        blockIndex: number,
        [source]: readonly FillPlanSource[],
        signal: AbortSignal,
      ) => {
        if (source === undefined) throw new Error('asked without a source');
        const { key, sizeBytes } = object.description;
        const file = this.#network.file(this.id, key, sizeBytes);
        const bytes = file.blockBytes(blockIndex);
        await this.#network.bring(this.id, source, key, { index: blockIndex, bytes }, signal);
        file.hold(blockIndex);
        return { kind: source.kind, bytes };
      },
    };
  }
}

/** A plan in memory, with manifests that are always here. */
class SimulatedPlan implements Pick<HeldPlan, 'plan' | 'files' | 'find' | 'onChange' | 'hold'> {
  #plan: FillPlan | undefined;
  #files: ReadonlyMap<string, FillPlan['files'][number]> = new Map();
  #listener: () => void = () => undefined;

  get plan(): FillPlan | undefined {
    return this.#plan;
  }

  get files(): ReadonlyMap<string, FillPlan['files'][number]> {
    return this.#files;
  }

  /** Other appliances that the plan names. */
  sourceIds(): Set<string> {
    return new Set(
      (this.#plan?.files ?? []).flatMap(({ sources }) => sources.map(({ id }) => id)).filter((id) => id !== 'origin'),
    );
  }

  rootOf(path: string): string | undefined {
    return this.#files.get(path)?.root;
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  hold(plan: FillPlan): void {
    this.#plan = plan;
    this.#files = new Map(plan.files.map((file) => [file.path, file]));
    this.#listener();
  }

  find(path: string): ReturnType<HeldPlan['find']> {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const manifest = { path, sizeBytes: file.sizeBytes, root: file.root };
    return { manifest, sources: file.sources } as unknown as ReturnType<HeldPlan['find']>;
  }
}
