import type { IncomingHttpHeaders } from 'node:http';
import { parseRangeHeader, type RangeSpec } from '../../src/http/byte-range.ts';
import { type CacheControl, parseCacheControl } from '../../src/http/cache-control.ts';
import { forwardedFields, hopFields } from '../../src/http/forwarded-fields.ts';
import { BACKGROUND_PRIORITY } from '../../src/http/priority.ts';
import type { HeaderFields } from '../../src/http/stored-headers.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import type { RequestField } from '../../src/http/vary.ts';

/** A GET or HEAD that was understood. */
export interface DeliveryRequest {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  /** What the object is stored under, and asked for upstream. */
  readonly key: string;
  /** 'ignore' where there is no Range that counts; HEAD has none (RFC 9110 section 14.2). */
  readonly ranges: readonly RangeSpec[] | 'ignore';
  readonly conditions: {
    readonly ifRange: string | undefined;
    readonly ifMatch: string | undefined;
    readonly ifNoneMatch: string | undefined;
    readonly ifModifiedSince: string | undefined;
    readonly ifUnmodifiedSince: string | undefined;
  };
  readonly directives: CacheControl;
  /** Another appliance asks by its plan, and nobody waits for it. */
  readonly isBackground: boolean;
  readonly hasAuthorization: boolean;
  /** The fields for a request upstream whose answer is this client's alone, with its conditions. */
  readonly forwardHeaders: HeaderFields;
  /** The fields for a question whose answer several get. */
  readonly sharedHeaders: HeaderFields;
  /** Any field of the request by its lower-case name, for what varies by it. */
  readonly field: RequestField;
}

export type ParsedRequest =
  | { readonly kind: 'deliver'; readonly request: DeliveryRequest }
  | { readonly kind: 'options' }
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 405 | 414 | 508; readonly reason: string };

/** Reads the head of a request (RFC 9110 sections 9, 13, 14). Never throws; linear in the size of the head. */
export function parseRequest(
  head: { readonly method: string; readonly target: string; readonly headers: IncomingHttpHeaders },
  limits: { readonly maxTargetChars: number; readonly ownId: string },
): ParsedRequest {
  const { method, headers } = head;
  if (method === 'OPTIONS') return { kind: 'options' };
  if (method !== 'GET' && method !== 'HEAD') return { kind: 'refused', status: 405, reason: `method ${method}` };
  const target = parseTarget(head.target, limits);
  if (target.kind === 'refused') return { kind: 'refused', status: target.status, reason: target.reason };
  if (passedHere(headers['cdn-loop'], limits.ownId)) return { kind: 'refused', status: 508, reason: 'loop' };
  const rangeHeader = method === 'GET' ? text(headers.range) : undefined;
  const forwarded = forwardedFields(headers);
  const hop = hopFields(headers, limits.ownId);
  const directives = parseCacheControl(directivesOf(headers));
  return {
    kind: 'deliver',
    request: {
      method,
      path: target.path,
      key: target.cacheKey,
      ranges: rangeHeader === undefined ? 'ignore' : parseRangeHeader(rangeHeader),
      conditions: {
        ifRange: text(headers['if-range']),
        ifMatch: text(headers['if-match']),
        ifNoneMatch: text(headers['if-none-match']),
        ifModifiedSince: text(headers['if-modified-since']),
        ifUnmodifiedSince: text(headers['if-unmodified-since']),
      },
      directives,
      isBackground: directives.onlyIfCached && headers['priority'] === BACKGROUND_PRIORITY,
      hasAuthorization: headers.authorization !== undefined,
      forwardHeaders: { ...forwarded.own, ...hop },
      sharedHeaders: { ...forwarded.shared, ...hop },
      field: (name) => text(headers[name]),
    },
  };
}

/** Pragma counts only where there is no Cache-Control (RFC 9111 section 5.4). */
function directivesOf(headers: IncomingHttpHeaders): string | undefined {
  const cacheControl = text(headers['cache-control']);
  if (cacheControl !== undefined) return cacheControl;
  return text(headers.pragma)?.toLowerCase().includes('no-cache') === true ? 'no-cache' : undefined;
}

/** RFC 8586: a request that names us in CDN-Loop has been here before. */
function passedHere(header: string | readonly string[] | undefined, ownId: string): boolean {
  const value = text(header);
  return value?.split(',').some((member) => member.split(';', 1)[0]?.trim() === ownId) ?? false;
}

function text(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'object' ? header.join(', ') : header;
}
