import type { ServiceRole } from '../contracts/enrolment.ts';
import {
  checkSignedBody,
  checkSignedHead,
  type HeadVerdict,
  type SignatureVerdict,
} from '../signing/request-signature.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ThrottledLog } from '../telemetry/throttled-log.ts';
import type { Clock } from '../world/world.ts';
import { type JsonReply, type JsonRequest, sendProblem } from './json-server.ts';
import type { TrustedKeys } from './trusted-keys.ts';

const MAX_SKEW_MS = 300_000;
const REFUSAL_LOG_INTERVAL_MS = 1000;

export interface SignatureGuardOptions {
  readonly trusted: TrustedKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Development only: lets unsigned requests from loopback through as whoever they say they are. */
  readonly allowUnsignedLoopback: boolean;
}

/** Who sent a request: the enrolled id, or `undefined` for an unsigned one that loopback development let through. */
export type Sender = { readonly id: string } | undefined;

/**
 * A check for routes between services: `await guard(request, reply, ['appliance'], claimedId)` gives the sender, or
 * has already answered 401/403 and gives 'refused'. `claimedId` is the id in the path or body, which must be the
 * sender's own: an appliance speaks for itself only.
 *
 * Routes that take a body have `{ onRequest: guard.beforeBody }` as well: whoever is not enrolled is refused by the head
 * alone, before megabytes of him are read, kept and parsed.
 */
export interface SignatureGuard {
  (request: JsonRequest, reply: JsonReply, roles: readonly ServiceRole[], claimedId?: string): Sender | 'refused';
  readonly beforeBody: (request: JsonRequest, reply: JsonReply, done: () => void) => void;
}

export function createSignatureGuard(options: SignatureGuardOptions): SignatureGuard {
  const { trusted, clock, allowUnsignedLoopback } = options;
  const refusals = new ThrottledLog(options.logger, REFUSAL_LOG_INTERVAL_MS, () => clock.monotonicMs());
  const heads = new WeakMap<JsonRequest, HeadVerdict>();

  const headOf = (request: JsonRequest): HeadVerdict => {
    const head =
      heads.get(request) ??
      checkSignedHead(
        { method: request.method, target: request.raw.url ?? '' },
        request.headers,
        (keyId) => trusted.find(keyId),
        clock.nowMs(),
        MAX_SKEW_MS,
      );
    heads.set(request, head);
    return head;
  };
  const mayBeUnsigned = (request: JsonRequest): boolean =>
    allowUnsignedLoopback && isLoopback(request.socket.remoteAddress);
  const refuse = (
    request: JsonRequest,
    reply: JsonReply,
    verdict: Exclude<SignatureVerdict, { kind: 'valid' }>,
  ): void => {
    const reason =
      verdict.kind === 'unsigned'
        ? "requests between services must be signed; enrol this service with 'oca enrol'"
        : verdict.reason;
    refusals.warn(
      { url: request.url.split('?')[0], from: request.socket.remoteAddress, reason },
      'refused a request between services',
    );
    sendProblem(reply, 401, 'SIGNATURE_INVALID', reason);
  };

  const guard = (
    request: JsonRequest,
    reply: JsonReply,
    roles: readonly ServiceRole[],
    claimedId?: string,
  ): Sender | 'refused' => {
    const verdict = checkSignedBody(headOf(request), request.rawBody);
    if (verdict.kind === 'unsigned' && mayBeUnsigned(request)) return undefined;
    if (verdict.kind !== 'valid') {
      refuse(request, reply, verdict);
      return 'refused';
    }
    const role = trusted.find(verdict.keyId)?.role;
    if (role === undefined || !roles.includes(role) || (claimedId !== undefined && claimedId !== verdict.id)) {
      sendProblem(
        reply,
        403,
        'NOT_YOURS',
        `${verdict.id} (${role}) may not speak for ${claimedId ?? roles.join(' or ')}`,
      );
      return 'refused';
    }
    return { id: verdict.id };
  };
  const beforeBody = (request: JsonRequest, reply: JsonReply, done: () => void): void => {
    const head = headOf(request);
    if (head.kind === 'valid' || (head.kind === 'unsigned' && mayBeUnsigned(request))) done();
    else refuse(request, reply, head);
  };
  return Object.assign(guard, { beforeBody });
}

export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === '::1' || /^(?:::ffff:)?127\./.test(address));
