import { createHash } from 'node:crypto';
import type { Identity } from '../../../src/signing/identity.ts';

/** A plan as it is stored; see migrations/. */
export interface PlanRow {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly contentDigest: Buffer;
  readonly textDigest: Buffer;
  readonly contentSinceMs: number;
  readonly createdAtMs: number;
  readonly windows: string;
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly planBytes: number;
  readonly packed: Buffer;
  readonly keyId: string;
  readonly signature: string;
}

export type SavedBefore = Pick<
  PlanRow,
  'contentDigest' | 'textDigest' | 'contentSinceMs' | 'createdAtMs' | 'windows' | 'keyId'
>;

/** Whether a plan of the same content needs no new date: nothing else changed, or only what may wait. */
export function isStillGood(
  before: SavedBefore,
  now: {
    readonly textDigest: Buffer;
    readonly windows: string;
    readonly identity: Identity;
    readonly nowMs: number;
    readonly refreshMs: number;
  },
): boolean {
  if (before.textDigest.equals(now.textDigest)) return true;
  return (
    before.windows === now.windows &&
    before.keyId === now.identity.keyId &&
    now.nowMs - before.createdAtMs < now.refreshMs
  );
}

/** SHA-256 of all of a plan but its version and date. */
export function textDigestOf(layoutDigest: Uint8Array, windows: string, keyId: string): Buffer {
  return createHash('sha256')
    .update(layoutDigest)
    .update(JSON.stringify([windows, keyId]))
    .digest();
}

/** What is signed of a plan where it lies. */
export const sealOf = (applianceId: string, planVersion: number, createdAtMs: number, textDigest: Buffer): string =>
  `plan ${applianceId} ${planVersion} ${createdAtMs} ${textDigest.toString('hex')}`;
