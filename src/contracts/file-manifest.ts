import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseContract } from './contract.ts';
import { base64Schema, byteCountSchema, filePathSchema, sha256HexSchema } from './ids.ts';

/**
 * Block size of every manifest and every store. 1 MiB: a 1-byte range in a cold file costs the origin one block, a
 * 2 s segment of a 4 Mbit/s rendition is one block, and the SHA-256 list of a 50 GB file stays at 1.6 MB. It divides
 * the 2 MiB of a huge page, so that memory slots of one or two blocks need no other size.
 *
 * Measured (`npm run bench -- store`, bench/results, on a quiet machine of two cores): to keep a block costs 1.16, 0.98,
 * 1.00 and 1.01 ms of processor per MiB at 256 KiB, 512 KiB, 1 and 4 MiB (2 MiB was an outlier at 2.5), so the processor
 * does not decide; knowing what is held takes 16.9, 8.4, 4.2 and 1.1 kB of memory per GiB. The wait for one block grows
 * the other way, p99 3 ms at 1 MiB and 10 ms at 4 MiB, and a 1-byte range fetches four times as much.
 */
export const BLOCK_BYTES = 1024 * 1024;

const HASH_BYTES = 32;

/**
 * `GET /v1/file-manifest/{root}`: the hashes of a file's blocks, known before the transfer, so that blocks from several
 * sources mix safely. The root names the manifest and is what a signed plan carries; whoever fetches the manifest can
 * check it against the root without trusting the sender.
 */
export const fileManifestSchema = z
  .object({
    version: z.literal(1),
    path: filePathSchema,
    sizeBytes: byteCountSchema,
    blockBytes: z.number().int().positive(),
    /** SHA-256 of each block in order, 32 bytes each, concatenated, base64. */
    blockHashes: base64Schema,
    root: sha256HexSchema,
    keyId: z.string().min(1).max(128),
    signature: base64Schema.max(128),
  })
  .refine(
    (manifest) =>
      Buffer.byteLength(manifest.blockHashes, 'base64') ===
      Math.ceil(manifest.sizeBytes / manifest.blockBytes) * HASH_BYTES,
    'blockHashes must hold one SHA-256 per block',
  );
export type FileManifest = z.infer<typeof fileManifestSchema>;

/** Checks form and root. @throws ContractError when the root does not match the hashes. */
export function parseFileManifest(body: unknown): FileManifest {
  const schema = fileManifestSchema.refine(
    (manifest) =>
      manifestRoot(manifest.sizeBytes, manifest.blockBytes, Buffer.from(manifest.blockHashes, 'base64')) ===
      manifest.root,
    'root does not match the block hashes',
  );
  return parseContract('file manifest', schema, body);
}

/** Root of a file: SHA-256 over a fixed prefix, size, block size and the block hashes. It names content, not a path. */
export function manifestRoot(sizeBytes: number, blockBytes: number, blockHashes: Uint8Array): string {
  return createHash('sha256').update(`oca-file-v1\n${sizeBytes}\n${blockBytes}\n`).update(blockHashes).digest('hex');
}

/** The hash list is read for every block of a fill; for a 50 GB file it is 1.6 MB of text, decoded once. */
const decodedHashes = new WeakMap<FileManifest, Buffer>();

/** SHA-256 of block `index` as raw bytes. @throws RangeError beyond the last block. */
export function manifestBlockHash(manifest: FileManifest, index: number): Buffer {
  let hashes = decodedHashes.get(manifest);
  if (hashes === undefined) {
    hashes = Buffer.from(manifest.blockHashes, 'base64');
    decodedHashes.set(manifest, hashes);
  }
  const hash = hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  if (hash.length !== HASH_BYTES) throw new RangeError(`manifest of ${manifest.path} has no block ${index}`);
  return hash;
}
