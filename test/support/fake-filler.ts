import type { BlockFiller, BlockFillResult, PlannedFile } from '../../appliance/fill/block-filler.ts';
import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import type { Clock } from '../../src/world/world.ts';
import type { FakeObject, FakeStore } from './fake-store.ts';

export interface FillCall {
  readonly path: string;
  readonly blockIndex: number;
  readonly sourceId: string;
  /** Wall clock when it was asked. */
  readonly atMs: number;
}

/** Answers one ask of a source: how it went. Throws an OperationalError for a failure. */
export type SourceScript = (call: FillCall, signal: AbortSignal) => Promise<BlockFillResult | undefined>;

/** A filler that writes down what it is asked, and does what the test's script says; without one every block comes. */
export class FakeFiller implements BlockFiller {
  readonly calls: FillCall[] = [];
  readonly #store: FakeStore;
  readonly #clock: Clock;
  readonly #script: SourceScript;

  constructor(store: FakeStore, clock: Clock, script: SourceScript = () => Promise.resolve(undefined)) {
    this.#store = store;
    this.#clock = clock;
    this.#script = script;
  }

  openPlanned({ manifest }: PlannedFile): FakeObject {
    const known = this.#store.find(manifest.path);
    if (known?.description.manifestRoot === manifest.root) return known;
    return this.#store.put(manifest.path, manifest.root, manifest.sizeBytes, []);
  }

  async fillPlannedBlock(
    object: FakeObject,
    file: PlannedFile,
    blockIndex: number,
    sources: readonly FillPlanSource[],
    signal: AbortSignal,
  ): Promise<BlockFillResult> {
    const [source] = sources;
    if (source === undefined) throw new Error('asked without a source');
    const call = { path: file.manifest.path, blockIndex, sourceId: source.id, atMs: this.#clock.nowMs() };
    this.calls.push(call);
    const scripted = await this.#script(call, signal);
    object.hold(blockIndex);
    return scripted ?? { kind: source.kind, bytes: object.blockBytes(blockIndex) };
  }
}
