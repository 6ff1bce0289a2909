import { BLOCK_BYTES, type FileManifest, parseFileManifest } from '../../../src/contracts/file-manifest.ts';
import type { FillPlan, FillPlanFile } from '../../../src/contracts/fill-plan.ts';
import { atOnce, inSlices, type Slicing } from '../../../src/resilience/in-slices.ts';
import type { PlannedFile, PlannedFiles } from '../block-filler.ts';
import type { PlanFile } from './plan-file.ts';

/**
 * The plan that this appliance goes by, and the manifests of its files. A manifest is needed wherever a block of its
 * file is checked, but 32 bytes per MiB of content would cost 3 GB for 100 TB; so only the last used ones stay in
 * memory, and the others are read from the state directory when they are asked for (1 to 2 ms for a file of 4 GB).
 */
const MAX_MANIFEST_CHARS = 64 * 1024 * 1024;
/** Each is a file less in a folder. */
const FORGOTTEN_PER_SLICE = 50;

interface PlanIndex {
  /** A path that is named twice counts once. */
  readonly byPath: ReadonlyMap<string, FillPlanFile>;
  readonly roots: ReadonlySet<string>;
}

/** Yields the files done. */
function* indexOf(plan: FillPlan): Generator<number, PlanIndex> {
  const byPath = new Map<string, FillPlanFile>();
  const roots = new Set<string>();
  for (const file of plan.files) {
    if (!byPath.has(file.path)) byPath.set(file.path, file);
    roots.add(file.root);
    yield 1;
  }
  return { byPath, roots };
}

export class HeldPlan implements PlannedFiles {
  readonly #file: PlanFile;
  readonly #listeners: (() => void)[] = [];
  readonly #planListeners: (() => void)[] = [];
  readonly #manifests = new Map<string, FileManifest>();
  #manifestChars = 0;
  #kept: Set<string> = new Set();
  #plan: FillPlan | undefined;
  #byPath: ReadonlyMap<string, FillPlanFile> = new Map();

  constructor(file: PlanFile) {
    this.#file = file;
  }

  get plan(): FillPlan | undefined {
    return this.#plan;
  }

  /** The files of the plan by path, which is also their key in the store. A path that is named twice counts once. */
  get files(): ReadonlyMap<string, FillPlanFile> {
    return this.#byPath;
  }

  /** Calls when the plan has changed or more manifests are here. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  onPlan(listener: () => void): void {
    this.#planListeners.push(listener);
  }

  rootOf(path: string): string | undefined {
    return this.#byPath.get(path)?.root;
  }

  /**
   * Goes by this plan from now on, and forgets the manifests that it does not need.
   * @throws OperationalError VOLUME_IO; it goes on by the one before then
   */
  hold(plan: FillPlan): void {
    const stale = this.#goBy(plan, this.#file.manifestRoots(), atOnce(indexOf(plan)));
    atOnce(this.#forgetAll(stale));
  }

  /** The same for a plan that may be large: what grows with it leaves the event loop to others, but for the change itself. */
  async holdInSlices(plan: FillPlan, slicing: Slicing): Promise<void> {
    const index = await inSlices(indexOf(plan), slicing);
    const stale = this.#goBy(plan, await this.#file.listManifestRoots(), index);
    await inSlices(this.#forgetAll(stale), { ...slicing, unitsPerSlice: FORGOTTEN_PER_SLICE });
  }

  /** @returns the roots that it has no use for any more */
  #goBy(plan: FillPlan, onDisk: Set<string>, { byPath, roots }: PlanIndex): string[] {
    // What came while the disk was being read.
    for (const root of this.#kept) if (roots.has(root)) onDisk.add(root);
    this.#plan = plan;
    this.#byPath = byPath;
    this.#kept = onDisk;
    const stale = [...onDisk].filter((root) => !roots.has(root));
    for (const listener of this.#planListeners) listener();
    this.#changed();
    return stale;
  }

  *#forgetAll(roots: readonly string[]): Generator<number, void> {
    for (const root of roots) {
      this.#forget(root);
      yield 1;
    }
  }

  /** The roots of the plan whose manifests are not here, the most urgent first, each once. */
  missingManifests(): string[] {
    const missing = [...this.#byPath.values()].filter((file) => !this.#kept.has(file.root));
    missing.sort((a, b) => a.priority - b.priority);
    return [...new Set(missing.map((file) => file.root))];
  }

  /** Takes a checked manifest in. @param document as received. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  addManifest(manifest: FileManifest, document: unknown): void {
    this.#file.writeManifest(manifest.root, document);
    this.#kept.add(manifest.root);
    this.#remember(manifest);
    this.#changed();
  }

  /** What to check a planned file's blocks against, and whom to ask. Reads a disk when the manifest is a seldom used one. */
  find(path: string): PlannedFile | undefined {
    const file = this.#byPath.get(path);
    if (file === undefined) return undefined;
    const manifest = this.#manifest(file.root);
    // A root names content, and the same content may stand under several paths: whoever uses the manifest wants ours.
    if (manifest === undefined) return undefined;
    return { manifest: manifest.path === path ? manifest : { ...manifest, path }, sources: file.sources };
  }

  #manifest(root: string): FileManifest | undefined {
    const known = this.#manifests.get(root);
    if (known !== undefined) {
      // Insertion order is the order of use.
      this.#manifests.delete(root);
      this.#manifests.set(root, known);
      return known;
    }
    if (!this.#kept.has(root)) return undefined;
    try {
      const manifest = parseFileManifest(this.#file.readManifest(root));
      if (manifest.root !== root || manifest.blockBytes !== BLOCK_BYTES) throw new Error('another manifest');
      this.#remember(manifest);
      return manifest;
    } catch {
      // Torn, rotten or gone: it counts as missing and is fetched again.
      this.#forget(root);
      this.#changed();
      return undefined;
    }
  }

  #remember(manifest: FileManifest): void {
    this.#drop(manifest.root);
    this.#manifests.set(manifest.root, manifest);
    this.#manifestChars += manifest.blockHashes.length;
    for (const root of this.#manifests.keys()) {
      if (this.#manifestChars <= MAX_MANIFEST_CHARS || this.#manifests.size === 1) break;
      this.#drop(root);
    }
  }

  #drop(root: string): void {
    this.#manifestChars -= this.#manifests.get(root)?.blockHashes.length ?? 0;
    this.#manifests.delete(root);
  }

  #forget(root: string): void {
    this.#drop(root);
    this.#kept.delete(root);
    this.#file.removeManifest(root);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
