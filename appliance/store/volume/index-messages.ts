import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../../src/errors/error-codes.ts';
import type { Durability } from '../durability.ts';
import type { PackedRows } from '../files/packed-rows.ts';
import type { ReadVolume } from '../files/read-volume.ts';
import type { RebuildProgress } from '../files/rebuild-index.ts';

/** What a volume and its index thread say to each other. Everything in here is copied from thread to thread. */

/** Changes of the index that are kept together or not at all; deletions come first. */
export interface IndexBatch {
  readonly deleted: readonly number[];
  /** Data files of deleted generations that stay for a while. */
  readonly buried: readonly string[];
  readonly objects: readonly (readonly [generation: number, description: string])[];
  /** Undefined: the page holds nothing any more. */
  readonly pages: readonly (readonly [generation: number, page: number, held: Uint8Array | undefined])[];
  readonly uses: readonly (readonly [generation: number, usedAtMs: number])[];
}

export interface IndexFailure {
  readonly code: ErrorCode;
  readonly detail: string;
}

export type ToIndex =
  | { readonly kind: 'commit'; readonly sequence: number; readonly batch: IndexBatch }
  | { readonly kind: 'close' };

export type FromIndex =
  | { readonly kind: 'rows'; readonly rows: PackedRows }
  /** It takes long, and goes on. */
  | { readonly kind: 'alive' }
  /** The index was damaged: what came so far counts no more, and what comes begins anew. */
  | { readonly kind: 'set-aside'; readonly aside: string; readonly detail: string }
  /** The index was lost, and is made anew from the data files. */
  | { readonly kind: 'rebuilding'; readonly progress: RebuildProgress }
  | ({ readonly kind: 'loaded' } & ReadVolume)
  | { readonly kind: 'not-loaded'; readonly failure: IndexFailure }
  | { readonly kind: 'committed'; readonly sequence: number; readonly failure: IndexFailure | undefined }
  | { readonly kind: 'closed' };

export interface IndexThreadData {
  readonly dir: string;
  readonly durability: Durability;
  readonly port: MessagePort;
}
