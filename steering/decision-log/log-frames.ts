import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompressSync } from 'node:zlib';

/**
 * How decisions lie on disk: one frame after the other, each with its length and checksum before it. A frame is written
 * by one call, so a crash tears the last one at most; whoever reads tells where and keeps what stands before.
 *
 *     4 bytes "OCDL" | 4 bytes length of the payload | 4 bytes CRC-32 of the payload | payload: JSON under zstd
 */
const MAGIC = 0x4c44434f;
const HEAD_BYTES = 12;
/** No frame that is written comes near; a length above is not one of ours. */
const MAX_PAYLOAD_BYTES = 32 * 2 ** 20;
const MAX_DOCUMENT_BYTES = 256 * 2 ** 20;

const compress = promisify(zstdCompress);

/** One document, as JSON, in a frame. The work is done in a thread of the platform's pool. */
export async function encodeFrame(json: string | Buffer): Promise<Buffer> {
  const payload = await compress(json);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeUInt32LE(crc32(payload), 8);
  return Buffer.concat([head, payload]);
}

/** What stands at the end of a log that was not closed properly, or in the middle of one that rotted. */
export interface TornFrame {
  readonly offset: number;
  readonly because: string;
}

/** @yields the documents in order; then, where the bytes end otherwise than behind a whole frame, what is wrong there */
export function* readFrames(bytes: Buffer): Generator<{ document: unknown } | { torn: TornFrame }> {
  for (let offset = 0; offset < bytes.length; ) {
    const frame = readFrame(bytes, offset);
    if ('because' in frame) {
      yield { torn: { offset, because: frame.because } };
      return;
    }
    yield { document: frame.document };
    offset = frame.end;
  }
}

function readFrame(bytes: Buffer, offset: number): { document: unknown; end: number } | { because: string } {
  if (offset + HEAD_BYTES > bytes.length) return { because: 'it ends in the head of a frame' };
  if (bytes.readUInt32LE(offset) !== MAGIC) return { because: 'no frame of a decision log begins here' };
  const length = bytes.readUInt32LE(offset + 4);
  const end = offset + HEAD_BYTES + length;
  if (length > MAX_PAYLOAD_BYTES) return { because: `a frame of ${length} bytes is none of ours` };
  if (end > bytes.length) return { because: 'it ends in the middle of a frame' };
  const payload = bytes.subarray(offset + HEAD_BYTES, end);
  if (crc32(payload) !== bytes.readUInt32LE(offset + 8)) return { because: 'the checksum of a frame does not match' };
  try {
    const text = zstdDecompressSync(payload, { maxOutputLength: MAX_DOCUMENT_BYTES }).toString('utf8');
    return { document: JSON.parse(text) as unknown, end };
  } catch (error) {
    return { because: `a frame cannot be unpacked: ${String(error)}` };
  }
}
