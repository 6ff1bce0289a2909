import { parseHostPort } from '../../src/config/parameter.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { createJsonServer, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { isLoopback } from '../../src/server/signature-guard.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { ThrottledLog } from '../../src/telemetry/throttled-log.ts';
import type { Clock } from '../../src/world/world.ts';
import type { TriggerDesk } from '../triggers/trigger-desk.ts';
import { TriggerTokens } from '../triggers/trigger-tokens.ts';
import { addTriggerRoutes } from './trigger-routes.ts';

export interface TriggerListenerOptions {
  readonly triggerListen: string;
  readonly triggerTokens: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly cdnId: string;
  readonly retentionMs: number;
  readonly desk: TriggerDesk;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BODY_LIMIT_BYTES = 8 * 2 ** 20;
const MAX_CONNECTIONS = 200;
/** Of one address, kept open between requests; four times as many are closed at once, so that no stranger has all. */
const CONNECTIONS_OF_ONE = 8;
const REFUSAL_LOG_INTERVAL_MS = 1000;
const BEARER = /^Bearer ([\x21-\x7e]{16,256})$/i;

/**
 * The listener for other CDNs and the provider's tools: `/triggers`, for who has a bearer token (RFC 6750), and for
 * nobody else. It is never open: without a file of senders, or without TLS anywhere but on loopback, it does not start
 * (RFC 8007 section 8: who reads along learns what will be watched, who writes along deletes it).
 * @throws OperationalError CONFIG_INVALID
 */
export function createTriggerListener(options: TriggerListenerOptions): JsonServer {
  const { triggerListen, triggerTokens, tlsCert, tlsKey, logger, clock } = options;
  if (triggerTokens === '')
    throw new OperationalError(
      'CONFIG_INVALID',
      "--trigger-listen needs --trigger-tokens FILE, which says who may send: 'oca trigger token --help' makes one",
    );
  const { host } = parseHostPort(triggerListen);
  if (tlsCert === '' && !isLoopback(host) && host !== 'localhost')
    throw new OperationalError('CONFIG_INVALID', '--trigger-listen beyond this machine needs --tls-cert and --tls-key');
  const refusals = new ThrottledLog(logger, REFUSAL_LOG_INTERVAL_MS, () => clock.monotonicMs());
  const tokens = new TriggerTokens(triggerTokens, () => clock.monotonicMs(), logger);
  const server = createJsonServer({
    logger,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    maxConnections: MAX_CONNECTIONS,
    perAddress: { max: CONNECTIONS_OF_ONE, keyOf: senderOf },
    tls: { certFile: tlsCert, keyFile: tlsKey },
  });
  // Before a body is read: megabytes of a stranger are not worth it.
  server.addHook('onRequest', (request, reply, done) => {
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && tokens.ownerOf(token) !== undefined) return done();
    refusals.warn({ from: request.socket.remoteAddress }, 'refused a trigger: no token, or an unknown one');
    sendProblem(reply.header('www-authenticate', 'Bearer'), 401, 'TOKEN_INVALID', 'needs Authorization: Bearer TOKEN');
  });
  addTriggerRoutes(server, {
    ...options,
    prefix: '/triggers',
    ownerOf: ({ headers }) => tokens.ownerOf(BEARER.exec(headers.authorization ?? '')?.[1] ?? ''),
  });
  return server;
}

/** Of IPv6 the /64 network: whoever has one address there has all of them. */
const senderOf = (address: string): string =>
  address.includes('.') ? address : address.split(':').slice(0, 4).join(':');
