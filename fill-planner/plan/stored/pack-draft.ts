import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { PlanDraft } from '../draft-plan.ts';

/**
 * A draft as bytes: what is said once as JSON, then one array per column, all compressed. Its numbers of renditions are
 * those of stored contents, which mean the same for ever; the numbers of a cycle mean something else tomorrow.
 *
 * Columns compress to a third, at 400 MB a second; JSON of the same plan is ten times larger before and five times after.
 */
export type PackedDraft = Omit<PlanDraft, 'windows' | 'applianceId'>;

const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** The bytes without compression: what digests are over. */
export function layOut(draft: PackedDraft): Buffer {
  const used = usedReasons(draft);
  const head = Buffer.from(
    JSON.stringify({
      clusterId: draft.clusterId,
      region: draft.region,
      itemCount: draft.itemCount,
      count: draft.rendition.length,
      reasons: used.reasons,
      sourceLists: draft.sourceLists,
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([
    length,
    head,
    bytesOf(draft.rendition),
    bytesOf(draft.rank),
    bytesOf(used.reason),
    bytesOf(draft.sources),
    bytesOf(Float32Array.from(draft.expectedBytes)),
    bytesOf(draft.copies),
    bytesOf(draft.isHead),
    bytesOf(draft.isMaster),
  ]);
}

export const compress = (laidOut: Buffer): Buffer => zstdCompressSync(laidOut, LEVEL);

/** @param limitBytes of the result: more is not taken, whatever the bytes promise */
export const decompress = (packed: Uint8Array, limitBytes: number): Buffer =>
  zstdDecompressSync(packed, { maxOutputLength: limitBytes });

interface Head extends Pick<PlanDraft, 'clusterId' | 'region' | 'itemCount' | 'reasons' | 'sourceLists'> {
  readonly count: number;
}

/** @param laidOut as `layOut` made it */
export function readDraft(laidOut: Buffer): PackedDraft {
  const headLength = laidOut.readUInt32LE(0);
  const { count, ...head } = JSON.parse(laidOut.toString('utf8', 4, 4 + headLength)) as Head;
  let at = 4 + headLength;
  const take = (width: number): ArrayBuffer => {
    const bytes = new Uint8Array(count * width);
    bytes.set(laidOut.subarray(at, at + bytes.length));
    at += bytes.length;
    return bytes.buffer;
  };
  return {
    ...head,
    rendition: new Uint32Array(take(4)),
    rank: new Uint32Array(take(4)),
    reason: new Uint32Array(take(4)),
    sources: new Uint32Array(take(4)),
    expectedBytes: Float64Array.from(new Float32Array(take(4))),
    copies: new Uint16Array(take(2)),
    isHead: new Uint8Array(take(1)),
    isMaster: new Uint8Array(take(1)),
  };
}

/** The reasons of a whole cluster, cut down to those that stand in this draft. */
function usedReasons({ reason, reasons }: PackedDraft): { readonly reason: Uint32Array; readonly reasons: string[] } {
  const numbers = new Map<number, number>();
  const column = reason.map((each) => {
    const number = numbers.get(each) ?? numbers.size;
    numbers.set(each, number);
    return number;
  });
  return { reason: column, reasons: Array.from(numbers.keys(), (each) => reasons[each] ?? '') };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array | Uint32Array | Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
