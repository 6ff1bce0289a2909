/**
 * Which header fields a cache keeps, and how a 304 renews them (RFC 9111 sections 3.1, 3.2 and 4.3.4). Names are lower
 * case, repeated lines already joined. A field kept that belongs to one connection would be sent on another; a
 * Content-Length or Content-Range taken from a 304 would describe bytes that it did not bring.
 */
import type { ObjectValidators } from './conditional.ts';
import { sharesStrongValidator } from './conditional.ts';
import { parseEtag, weakMatch } from './etag.ts';

/** Header fields by lower-case name. */
export type HeaderFields = Readonly<Record<string, string>>;

// RFC 9110 section 7.6.1, and RFC 9111 section 3.1 for the fields of a proxy on the way.
const neverStored = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const describesOneBody = new Set(['content-length', 'content-range']);

/** The fields of a received response that may be stored: all but those of the connection (RFC 9111 section 3.1). */
export function storableHeaders(received: HeaderFields): HeaderFields {
  const ofConnection = new Set((received['connection'] ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(received).filter(([name]) => !neverStored.has(name) && !ofConnection.has(name)),
  );
}

/**
 * The stored fields after a 304: its fields replace or join them, but for the length and range of a body (RFC 9111
 * section 3.2). Call it only when `freshens` holds.
 */
export function freshenedHeaders(stored: HeaderFields, notModified: HeaderFields): HeaderFields {
  const renewed = Object.entries(storableHeaders(notModified)).filter(([name]) => !describesOneBody.has(name));
  return { ...stored, ...Object.fromEntries(renewed) };
}

/**
 * Whether a 304 with these validators speaks of the stored response (RFC 9111 section 4.3.4): the same strong
 * validator; with only a weak one, that one; with none, only a stored response that has none either. Otherwise the
 * 304 must renew nothing, and the object is asked for again without conditions.
 */
export function freshens(notModified: ObjectValidators, stored: ObjectValidators): boolean {
  if (sharesStrongValidator(notModified, stored)) return true;
  const tag = notModified.etag === undefined ? undefined : parseEtag(notModified.etag);
  const storedTag = stored.etag === undefined ? undefined : parseEtag(stored.etag);
  if (tag !== undefined) return tag.weak && storedTag !== undefined && weakMatch(tag, storedTag);
  if (notModified.lastModifiedMs !== undefined) return notModified.lastModifiedMs === stored.lastModifiedMs;
  return storedTag === undefined && stored.lastModifiedMs === undefined;
}
