import type { ServiceRole } from '../contracts/enrolment.ts';
import { checkRequestSignature } from '../signing/request-signature.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Clock } from '../world/world.ts';
import { type JsonReply, type JsonRequest, sendProblem } from './json-server.ts';
import type { TrustedKeys } from './trusted-keys.ts';

const MAX_SKEW_MS = 300_000;

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
 */
export function createSignatureGuard(options: SignatureGuardOptions) {
  return (
    request: JsonRequest,
    reply: JsonReply,
    roles: readonly ServiceRole[],
    claimedId?: string,
  ): Sender | 'refused' => {
    const verdict = checkRequestSignature(
      { method: request.method, target: request.raw.url ?? '', body: request.rawBody },
      request.headers,
      (keyId) => options.trusted.find(keyId),
      options.clock.nowMs(),
      MAX_SKEW_MS,
    );
    if (verdict.kind === 'unsigned' && options.allowUnsignedLoopback && isLoopback(request.socket.remoteAddress))
      return undefined;
    if (verdict.kind !== 'valid') {
      const reason =
        verdict.kind === 'unsigned'
          ? "requests between services must be signed; enrol this service with 'oca enrol'"
          : verdict.reason;
      options.logger.warn(
        { url: request.url.split('?')[0], from: request.socket.remoteAddress, reason },
        'refused a request between services',
      );
      sendProblem(reply, 401, 'SIGNATURE_INVALID', reason);
      return 'refused';
    }
    const role = options.trusted.find(verdict.keyId)?.role;
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
}

export type SignatureGuard = ReturnType<typeof createSignatureGuard>;

export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === '::1' || /^(?:::ffff:)?127\./.test(address));
