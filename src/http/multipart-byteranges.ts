/**
 * The framing of a multipart/byteranges answer (RFC 9110 sections 14.6 and 15.3.7.2), computed before the first byte
 * is sent, so that Content-Length is exact and the parts themselves can come from disk, memory or a fill.
 */
import type { ByteRange } from './byte-range.ts';
import { formatContentRange, rangeLengthBytes } from './byte-range.ts';

/** Send `head` (latin1), then the bytes of `range`. */
export interface MultipartPart {
  readonly head: string;
  readonly range: ByteRange;
}

/** The whole body: every part in order, then `tail` (latin1). `contentLength` counts all of it, in bytes. */
export interface MultipartFraming {
  /** For the answer's Content-Type; the boundary needs no quotes. There is no top-level Content-Range. */
  readonly contentType: string;
  readonly contentLength: number;
  readonly parts: readonly MultipartPart[];
  readonly tail: string;
}

/** The object that the ranges belong to. */
export interface MultipartInput {
  readonly sizeBytes: number;
  /** The object's own Content-Type, repeated in each part; undefined leaves the line out. */
  readonly partContentType: string | undefined;
  /** 1 to 70 token characters that do not occur in the object; take at least 96 random bits. */
  readonly boundary: string;
}

// bchars of RFC 2046 section 5.1.1 that are also token characters, so the parameter needs no quotes.
const unquotedBoundary = /^[0-9A-Za-z'+_.-]{1,70}$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Frames `ranges` (two or more, disjoint, in the order to send them). A boundary or content type that would break the
 * framing is a bug of the caller and throws a TypeError.
 */
export function frameByteranges(ranges: readonly ByteRange[], input: MultipartInput): MultipartFraming {
  const { boundary, partContentType, sizeBytes } = input;
  if (!unquotedBoundary.test(boundary)) throw new TypeError('a boundary is 1 to 70 token characters');
  if (partContentType !== undefined && !fieldValue.test(partContentType)) {
    throw new TypeError('a content type holds no control characters');
  }
  const typeLine = partContentType === undefined ? '' : `Content-Type: ${partContentType}\r\n`;
  const parts = ranges.map((range, index) => ({
    head:
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\n${typeLine}` +
      `Content-Range: ${formatContentRange(range, sizeBytes)}\r\n\r\n`,
    range,
  }));
  const tail = `\r\n--${boundary}--\r\n`;
  let contentLength = tail.length;
  for (const part of parts) contentLength += part.head.length + rangeLengthBytes(part.range);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, parts, tail };
}
