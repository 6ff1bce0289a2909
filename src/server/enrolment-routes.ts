import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { parseEnrolment, serviceRoleSchema } from '../contracts/enrolment.ts';
import { applianceIdSchema } from '../contracts/ids.ts';
import type { Identity } from '../signing/identity.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ThrottledLog } from '../telemetry/throttled-log.ts';
import { type JsonServer, sendProblem } from './json-server.ts';
import type { TrustedKeys } from './trusted-keys.ts';

/** Anybody may send one. */
const ENROLMENT_LIMIT_BYTES = 4096;
const REFUSAL_LOG_INTERVAL_MS = 1000;

const tokenRequestSchema = z.object({ id: applianceIdSchema, role: serviceRoleSchema });

/** `POST /v1/enrol` on the service listener: a service registers its key with a one-time token and learns ours. */
export function addEnrolmentRoute(server: JsonServer, trusted: TrustedKeys, identity: Identity, logger: Logger): void {
  const refusals = new ThrottledLog(logger, REFUSAL_LOG_INTERVAL_MS);
  server.post('/v1/enrol', { bodyLimit: ENROLMENT_LIMIT_BYTES }, (request, reply) => {
    const enrolment = parseEnrolment(request.body);
    const result = trusted.enrol(enrolment);
    if (result.kind === 'refused') {
      refusals.warn({ id: enrolment.id, role: enrolment.role, reason: result.reason }, 'refused an enrolment');
      return sendProblem(reply, 403, 'ENROLMENT_REFUSED', result.reason);
    }
    logger.info({ id: enrolment.id, role: enrolment.role, keyId: result.keyId }, 'enrolled');
    return { version: 1, id: identity.id, keyId: identity.keyId, publicKey: identity.publicKey };
  });
}

/** `POST /v1/enrolment-tokens` on the admin listener: the operator mints a token (`oca enrol`). */
export function addTokenMintingRoute(adminServer: JsonServer, trusted: TrustedKeys): void {
  adminServer.post('/v1/enrolment-tokens', (request) => {
    const { id, role } = parseContract('enrolment token request', tokenRequestSchema, request.body);
    return { token: trusted.mintToken(id, role) };
  });
}
