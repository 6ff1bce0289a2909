/**
 * What a request head must not be, beyond what Node's strict parser refuses by itself (RFC 9112 sections 2.2 to 6.3,
 * RFC 9110 sections 7.2, 9.3.1 and 17.15). Pure; linear in the number of lines.
 *
 * Two readers of one connection that disagree on where a request ends, or for which host it is, are what smuggling is
 * made of. So whatever has two readings is refused, and the connection ends with it: Node shows only the first of two
 * Host lines, takes HTTP/0.9 and 2.0 in a request line, and lets a GET have a body that nobody asked for.
 */
import { isAuthority } from '../../src/http/authority.ts';

/** Why a request was refused, for counters. A closed set. */
export const REFUSAL_REASONS = [
  'malformed',
  'head-too-large',
  'head-timeout',
  'version',
  'host',
  'method',
  'target',
  'body',
  'expectation',
  'loop',
  'token',
  'not-held',
  'connections',
  'connections-of-address',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface HeadFacts {
  /** `1.1` */
  readonly version: string;
  readonly method: string;
  /** Name, value, name, value ... as they were received. */
  readonly rawHeaders: readonly string[];
}

export type CheckedHead =
  | { readonly kind: 'sound'; readonly hasBody: boolean; readonly hasSeveralRanges: boolean }
  /** The connection must end with the answer. */
  | { readonly kind: 'refused'; readonly status: 400 | 431 | 505; readonly reason: RefusalReason };

/** Lines of a head; browsers send about twenty. */
const MAX_HEADER_LINES = 100;
const NO_BODY_LENGTH = /^0+$/;

export function checkHead({ version, method, rawHeaders }: HeadFacts): CheckedHead {
  if (version !== '1.1' && version !== '1.0') return { kind: 'refused', status: 505, reason: 'version' };
  if (rawHeaders.length > 2 * MAX_HEADER_LINES) return { kind: 'refused', status: 431, reason: 'head-too-large' };
  let hosts = 0;
  let ranges = 0;
  let hasBody = false;
  let codings = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break;
        hosts += 1;
        if (!isAuthority(value)) return { kind: 'refused', status: 400, reason: 'host' };
        break;
      case 5:
        if (name.toLowerCase() === 'range') ranges += 1;
        break;
      case 14:
        if (name.toLowerCase() === 'content-length') hasBody ||= !NO_BODY_LENGTH.test(value);
        break;
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') break;
        codings += 1;
        // Any other coding, or one behind it, leaves the end of the body unknown (RFC 9112 section 6.3).
        if (value.toLowerCase() !== 'chunked') return { kind: 'refused', status: 400, reason: 'body' };
    }
  }
  if (hosts > 1 || (hosts === 0 && version === '1.1')) return { kind: 'refused', status: 400, reason: 'host' };
  // RFC 9112 section 6.1: an HTTP/1.0 message with Transfer-Encoding has faulty framing.
  if (codings > 1 || (codings === 1 && version === '1.0')) return { kind: 'refused', status: 400, reason: 'body' };
  hasBody ||= codings === 1;
  // Content in a GET or HEAD means nothing, and is a known way to smuggle (RFC 9110 section 9.3.1).
  if (hasBody && (method === 'GET' || method === 'HEAD')) return { kind: 'refused', status: 400, reason: 'body' };
  return { kind: 'sound', hasBody, hasSeveralRanges: ranges > 1 };
}
