/** Entity tags: RFC 9110 section 8.8.3. */

/** An entity tag; `opaque` is the text between the quotes, compared byte for byte. */
export interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

/** The value of If-Match or If-None-Match: any current representation, or a list of tags. */
export type EtagCondition = '*' | readonly EntityTag[];

// etagc of RFC 9110 section 8.8.3: %x21 / %x23-7E / obs-text. A tag may contain a comma, so lists are not split at one.
const tagAt = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/y;
const separatorAt = /[ \t,]*/y;

/** Reads one entity tag (RFC 9110 section 8.8.3); undefined when the text is not one. `W/` is case-sensitive. */
export function parseEtag(value: string): EntityTag | undefined {
  const read = readTag(value, 0);
  return read !== undefined && read.end === value.length ? read.tag : undefined;
}

/** Writes an entity tag as a field value. */
export function formatEtag(tag: EntityTag): string {
  return `${tag.weak ? 'W/' : ''}"${tag.opaque}"`;
}

/** Strong comparison: both strong, same text (RFC 9110 section 8.8.3.2). */
export function strongMatch(left: EntityTag, right: EntityTag): boolean {
  return !left.weak && !right.weak && left.opaque === right.opaque;
}

/** Weak comparison: same text, weak or not (RFC 9110 section 8.8.3.2). */
export function weakMatch(left: EntityTag, right: EntityTag): boolean {
  return left.opaque === right.opaque;
}

/**
 * Reads the value of If-Match or If-None-Match (RFC 9110 sections 13.1.1, 13.1.2): `*`, or tags separated by commas,
 * empty elements allowed (section 5.6.1.2). Undefined when any part of it is neither, or when it names no tag.
 * Linear in the length of the value.
 */
export function parseEtagList(value: string): EtagCondition | undefined {
  if (value.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  let at = endOfSeparator(value, 0);
  while (at < value.length) {
    const read = readTag(value, at);
    if (read === undefined) return undefined;
    tags.push(read.tag);
    at = endOfSeparator(value, read.end);
    if (at < value.length && !value.slice(read.end, at).includes(',')) return undefined;
  }
  return tags.length === 0 ? undefined : tags;
}

function readTag(value: string, start: number): { readonly tag: EntityTag; readonly end: number } | undefined {
  tagAt.lastIndex = start;
  const match = tagAt.exec(value);
  if (match === null) return undefined;
  return { tag: { weak: match[1] !== undefined, opaque: match[2] ?? '' }, end: start + match[0].length };
}

function endOfSeparator(value: string, start: number): number {
  separatorAt.lastIndex = start;
  return start + (separatorAt.exec(value)?.[0].length ?? 0);
}
