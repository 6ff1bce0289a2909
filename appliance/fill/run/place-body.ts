/**
 * Where the body of a source's answer lies in an object, or why it is none of its bytes. This is the gate that keeps two
 * generations apart: what passes here is appended to bytes of others.
 *
 * A file of the plan is checked block by block later, so its validators mean nothing. A file on demand is held together
 * by its strong validator alone: the answer must show it. Whose word says that the file has changed? The origin's. A
 * peer or a tier that shows another validator may be ahead or behind; it lacks this generation, no more.
 *
 * Pure.
 */
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { parseContentRange } from '../../../src/http/byte-range.ts';
import type { HeaderFields } from '../../../src/http/stored-headers.ts';
import type { SourceKind } from '../../metrics.ts';
import type { ObjectDescription } from '../../store/object-description.ts';
import { isSameGeneration } from '../origin/read-answer.ts';

export interface AskedBody {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly description: ObjectDescription;
  readonly isPlanned: boolean;
  /** The first byte that was asked for. */
  readonly first: number;
  readonly source: { readonly kind: SourceKind; readonly id: string };
  /** False where the whole file for a range would cost more than it is worth. */
  readonly takesWhole: boolean;
}

/** Half-open, in the object. */
export interface BodyPlace {
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * @throws OperationalError SOURCE_LACKS: not held there; SOURCE_CHANGED: the origin has another generation;
 *   SOURCE_STATUS: no content; SOURCE_PROTOCOL: content that is not what was asked for
 */
export function placeBody(asked: AskedBody): BodyPlace {
  const { status, headers, description, isPlanned, source } = asked;
  const where = `${source.id}${description.key}`;
  const other = (detail: string): OperationalError =>
    new OperationalError(source.kind === 'origin' ? 'SOURCE_CHANGED' : 'SOURCE_LACKS', `${where}: ${detail}`);
  if (status === 504 && source.kind !== 'origin') throw new OperationalError('SOURCE_LACKS', where);
  const hasContent = status === 200 || status === 206;
  const isGone = status === 404 || status === 410 || status === 412 || status === 416;
  if (!isPlanned && isGone) throw other(`answered ${status}`);
  if (!hasContent) throw new OperationalError('SOURCE_STATUS', `${where}: ${status}`);
  const coding = codingOf(headers);
  if (!isPlanned && coding !== codingOf(description.headers)) {
    throw new OperationalError('SOURCE_PROTOCOL', `${where}: coded as '${coding}', which was not asked for`);
  }
  if (!isPlanned && !isSameGeneration(description, headers)) throw other('has another validator');
  return status === 206 ? placePart(asked, where, other) : placeWhole(asked, where, other);
}

function placePart(
  { headers, description, isPlanned, first }: AskedBody,
  where: string,
  other: (detail: string) => OperationalError,
): BodyPlace {
  const text = headers['content-range'] ?? headers['content-type'] ?? '';
  const range = parseContentRange(text);
  const problem = `${where}: asked for ${first}- of ${description.sizeBytes}, got '${text}'`;
  if (range?.kind !== 'range') throw new OperationalError('SOURCE_PROTOCOL', problem);
  if (range.sizeBytes !== description.sizeBytes) {
    // The same tag with another length: one of the answers was wrong, and would be in the way for as long as it is fresh.
    throw isPlanned || range.sizeBytes === undefined
      ? new OperationalError('SOURCE_PROTOCOL', problem)
      : other(problem);
  }
  const lengthBytes = range.last - range.first + 1;
  const isContradicted = headers['content-length'] !== undefined && Number(headers['content-length']) !== lengthBytes;
  const isParts = headers['content-type']?.toLowerCase().startsWith('multipart/byteranges') === true;
  if (range.first !== first || isContradicted || isParts) throw new OperationalError('SOURCE_PROTOCOL', problem);
  return { startByte: range.first, endByte: range.last + 1 };
}

function placeWhole(
  { headers, description, isPlanned, first, takesWhole }: AskedBody,
  where: string,
  other: (detail: string) => OperationalError,
): BodyPlace {
  const { sizeBytes } = description;
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== sizeBytes) {
    const problem = `${where}: the whole has ${length} bytes, not ${sizeBytes}`;
    throw isPlanned ? new OperationalError('SOURCE_PROTOCOL', problem) : other(problem);
  }
  if (first > 0 && !takesWhole) {
    throw new OperationalError('SOURCE_PROTOCOL', `${where}: sends the whole file for a range, this fill needs ranges`);
  }
  return { startByte: 0, endByte: sizeBytes };
}

function codingOf(headers: HeaderFields): string {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  return coding === 'identity' ? '' : coding;
}
