import { createHash } from 'node:crypto';
import { BLOCK_BYTES, type FileManifest, manifestRoot } from '../../src/contracts/file-manifest.ts';
import type { FillPlan, FillPlanFile, FillPlanSource } from '../../src/contracts/fill-plan.ts';
import type { Identity } from '../../src/signing/identity.ts';
import { signDocument } from '../../src/signing/signed-document.ts';

/** The bytes of block `index` of a sample file: repeated text, so that a test can tell files and blocks apart. */
function sampleBlock(path: string, sizeBytes: number, index: number): Buffer {
  return Buffer.alloc(Math.min(BLOCK_BYTES, sizeBytes - index * BLOCK_BYTES), `${path} ${index} `);
}

/** A signed manifest of a sample file. */
export function sampleManifest(path: string, sizeBytes: number, planner: Identity): FileManifest {
  const count = Math.ceil(sizeBytes / BLOCK_BYTES);
  const hashes = Buffer.concat(
    Array.from({ length: count }, (_, index) =>
      createHash('sha256')
        .update(sampleBlock(path, sizeBytes, index))
        .digest(),
    ),
  );
  const root = manifestRoot(sizeBytes, BLOCK_BYTES, hashes);
  const blockHashes = hashes.toString('base64');
  return signDocument({ version: 1 as const, path, sizeBytes, blockBytes: BLOCK_BYTES, blockHashes, root }, planner);
}

export const originSource: FillPlanSource = {
  kind: 'origin',
  id: 'origin',
  baseUrl: 'http://origin.example',
  afterSec: 0,
};

export const peerSource = (id: string, afterSec = 0): FillPlanSource => ({
  kind: 'peer',
  id,
  baseUrl: `http://${id}.example`,
  afterSec,
});

export function samplePlanFile(manifest: FileManifest, fields: Partial<FillPlanFile> = {}): FillPlanFile {
  const { path, sizeBytes, root } = manifest;
  const common = { rendition: 0, priority: 0, reason: 'sample', expectedBytes: 0, sources: [originSource] };
  return { path, sizeBytes, root, ...common, ...fields };
}

/** A signed plan of these files, for appliance `a1` unless said otherwise. */
export function samplePlan(
  planner: Identity,
  files: readonly FillPlanFile[],
  fields: Partial<Omit<FillPlan, 'files' | 'keyId' | 'signature'>> = {},
): FillPlan {
  const renditionCount = Math.max(0, ...files.map((file) => file.rendition + 1));
  return signDocument(
    {
      version: 1 as const,
      planVersion: 1,
      applianceId: 'a1',
      createdAtMs: 1_000_000,
      renditions: Array.from({ length: renditionCount }, (_, index) => `title/r${index}`),
      windows: [],
      ...fields,
      files: [...files],
    },
    planner,
  );
}
