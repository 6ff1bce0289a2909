/**
 * Which request fields go on to the origin (RFC 9110 sections 5.1, 7.6; RFC 9111 sections 3.5 and 4.1).
 *
 * A proxy passes on what it does not know. A cache that does so with a question whose answer thousands will get has
 * let one viewer write it: `X-Original-URL: /other` on a question for `/film` stores another page under the film's
 * name, and one viewer's cookie stores his page for all. Passing nothing on, the other way out, breaks every origin
 * that negotiates. So there are two sets. *Own* goes with a request whose answer is one viewer's alone: everything but
 * what belongs to the connection, what we write ourselves, and what tells who the viewer is. *Shared* goes with a
 * question whose answer is stored or given to several: own, without conditions and ranges (those are ours then), player
 * reports, and the fields known to make servers answer for another path, host or method than they were asked for.
 *
 * Limits: an origin that answers by an unknown field and does not say so in Vary can be made to answer wrongly for
 * all. That is a fault of the origin, and the reason why the second list exists at all.
 */
import { GRANT_FIELD } from '../contracts/url-grant.ts';
import type { HeaderFields } from './stored-headers.ts';

/** As received: names in lower case, a field that came several times as one text or as a list. */
export type ReceivedFields = Readonly<Record<string, string | readonly string[] | undefined>>;

const ofConnection = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
// Written anew for each hop, or without meaning where no body is sent.
const ours = new Set([
  'accept-encoding',
  'cdn-loop',
  'content-length',
  'expect',
  GRANT_FIELD,
  'host',
  'max-forwards',
  'via',
]);
const secret = new Set(['authorization', 'cookie', 'cookie2']);
// Who the viewer is, where from, and on whose site.
const personal = new Set([
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'from',
  'origin',
  'referer',
  'remote-addr',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
]);
const personalPrefix = 'x-forwarded';
const conditions = new Set([
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
]);
// Each is read by some server in place of the request line or of Host.
const overriding = new Set([
  'x-host',
  'x-http-host-override',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
]);
const reportPrefix = 'cmcd-';
const contentPrefix = 'content-';

/** Whether a field says who somebody is: never sent on, never kept, and an answer to it is not for others. */
export function isSecret(name: string): boolean {
  return secret.has(name);
}

/** Whether a field, given in lower case, may be on a question whose answer several get. */
export function isForwarded(name: string): boolean {
  if (!isOwn(name) || conditions.has(name) || overriding.has(name)) return false;
  return !name.startsWith(reportPrefix) && !name.startsWith(contentPrefix);
}

/** The fields for a request whose answer is one client's alone, and those for a question whose answer is shared. */
export function forwardedFields(received: ReceivedFields): { own: HeaderFields; shared: HeaderFields } {
  const own: Record<string, string> = {};
  const shared: Record<string, string> = {};
  const listed = new Set((textOf(received['connection']) ?? '').split(',').map((name) => name.trim().toLowerCase()));
  for (const [name, lines] of Object.entries(received)) {
    const value = textOf(lines);
    if (value === undefined || listed.has(name) || !isOwn(name)) continue;
    own[name] = value;
    if (isForwarded(name)) shared[name] = value;
  }
  return { own, shared };
}

/**
 * Via and CDN-Loop for a request that goes on, with those who had it before us (RFC 9110 section 7.6.3, RFC 8586):
 * a gateway names itself in both, and a loop is found by whoever comes across its own name.
 */
export function hopFields(received: ReceivedFields, ownId: string): HeaderFields {
  const append = (name: string, own: string): string => {
    const before = textOf(received[name])?.trim() ?? '';
    return before === '' ? own : `${before}, ${own}`;
  };
  return { via: append('via', `1.1 ${ownId}`), 'cdn-loop': append('cdn-loop', ownId) };
}

function isOwn(name: string): boolean {
  if (ofConnection.has(name) || ours.has(name) || secret.has(name)) return false;
  return !personal.has(name) && !name.startsWith(personalPrefix);
}

function textOf(lines: string | readonly string[] | undefined): string | undefined {
  return typeof lines === 'object' ? lines.join(', ') : lines;
}
