import type { FileManifest } from '../../src/contracts/file-manifest.ts';
import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import type { StoredObject } from '../store/object-store.ts';

/** A file that the plan names, with what is needed to fill and check any block of it. */
export interface PlannedFile {
  readonly manifest: FileManifest;
  /** In the order to try. A viewer who waits may use all; planned fill only those whose wait is over. */
  readonly sources: readonly FillPlanSource[];
}

/** What the plan knows of a path: answered from memory, undefined when it is not planned or its manifest is not here yet. */
export interface PlannedFiles {
  find(path: string): PlannedFile | undefined;
  /** The content that the plan gives a path, though its manifest may not be here yet; from memory. */
  rootOf(path: string): string | undefined;
  /** Calls in the turn in which another plan begins to hold. */
  onPlan(listener: () => void): void;
}

/**
 * Planned fill's way to the one fill per block that viewers share: asking for a block that is on its way joins it.
 */
export interface BlockFiller {
  /**
   * Opens (or begins) the object of a planned file, so that blocks filled by viewers and by the plan are the same.
   * Acquired for the caller.
   */
  openPlanned(file: PlannedFile): StoredObject;
  /**
   * Makes sure that a block is held, from the given sources in their order, checked against the manifest.
   * @returns which kind of source gave how many bytes; none when it was held or came with somebody else's fill.
   * @throws OperationalError of the last source when none gave it; VOLUME_FULL and VOLUME_IO when it could not be kept.
   */
  fillPlannedBlock(
    object: StoredObject,
    file: PlannedFile,
    blockIndex: number,
    sources: readonly FillPlanSource[],
    signal: AbortSignal,
  ): Promise<BlockFillResult>;
}

export interface BlockFillResult {
  readonly kind: FillPlanSource['kind'] | undefined;
  readonly bytes: number;
}
