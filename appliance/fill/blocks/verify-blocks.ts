import { createHash } from 'node:crypto';
import { type FileManifest, manifestBlockHash } from '../../../src/contracts/file-manifest.ts';

/** Whether a block is the one that the signed manifest names. @throws RangeError beyond the last block. */
export function isGenuineBlock(manifest: FileManifest, blockIndex: number, bytes: Uint8Array): boolean {
  return manifestBlockHash(manifest, blockIndex).equals(createHash('sha256').update(bytes).digest());
}
