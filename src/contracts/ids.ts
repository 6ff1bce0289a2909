import { z } from 'zod';

/**
 * Identifiers as they travel between services. An appliance's id is also its pathway id in content steering, so it
 * keeps to what every player accepts: RFC 8216bis allows letters, digits, '.', '-' and '_'; dash.js joins ids by
 * comma; hls.js uses '.', '..' for redundant streams of its own.
 */
const NAME = /^[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,31}$/;

export const applianceIdSchema = z
  .string()
  .regex(NAME, 'must be 1 to 32 of a-z 0-9 . _ - and begin with a letter or digit');
/** Pathway id of the provider's own store, and of the second name for it that a list without appliances needs. */
export const ORIGIN_ID = 'origin';
export const ORIGIN_RETRY_ID = 'origin-retry';

export const siteIdSchema = applianceIdSchema;
export const clusterIdSchema = applianceIdSchema;
export const titleIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be 1 to 64 of a-z 0-9 _ - and begin with a letter or digit');

/** `title/name`: one encoding of a title, or its manifests. */
export const renditionIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}\/[A-Za-z0-9._-]{1,64}$/, 'must be TITLE/NAME');

/** Absolute URL path of a file: what a player asks any appliance or the origin for. Never with a query. */
export const filePathSchema = z
  .string()
  .max(1024)
  .regex(/^\/[^\s?#\\\p{Cc}]+$/u, 'must be an absolute URL path without query, fragment, space or backslash')
  // In a URL %2e is a dot like any other.
  .refine(
    (path) => !path.split('/').some((part) => /^(?:\.|%2e){1,2}$/i.test(part)),
    'must not contain . or .. segments',
  );

/** Base URL of an appliance or origin: file paths are appended to it, so it has no trailing slash, query or fragment. */
export const baseUrlSchema = z
  .string()
  .max(512)
  // The URL parser drops line ends and takes quotes; in a playlist they would begin lines and attributes of their own.
  // Nothing but ASCII fits into a Location field, and it sees no query or fragment in a bare '?' or '#' at the end,
  // although all that is appended behind one would be none of the path.
  .regex(/^[^\s"'<>\\\p{Cc}]*$/u, 'must not contain spaces, quotes or control characters')
  .regex(/^https?:\/\/[^/][\x21-\x7e]*$/i, 'must be an http or https URL with a host, in ASCII')
  .regex(/^[^?#]*$/, 'must not contain a query or fragment')
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return (
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.search === '' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === ''
    );
  }, 'must be an http or https URL without credentials, query and fragment')
  .refine((text) => !text.endsWith('/'), 'must not end with a slash');

export const sha256HexSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
export const base64Schema = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64');
export const epochMsSchema = z.number().int().nonnegative();
export const byteCountSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
