/**
 * The life of one GET. Read this first.
 *
 *   parse    what is asked for                 400, 404, 405, 414, 508 end it       parse-request
 *   admit    whether there is room             503 with Retry-After ends it         admit
 *   find     which object, fresh or confirmed  502, 504 end it                      find-object, then fill/ and store/
 *   choose   status, fields, bytes             304, 412, 416 are answers            choose-answer
 *   send     at the client's pace              a failure cuts the connection        send-found, send-answer
 *   record   counters, log line, demand        always                               delivery-record
 *
 * An origin may replace a file while it is being fetched, and an operator may purge it. Until the head is sent nobody
 * has seen the old one, so the request starts over with the new one; after that the connection is cut by a change, since
 * two generations never share a body, and by a purge where the operator asked for that.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CODES } from '../../src/errors/error-codes.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import { preflightHeaders } from '../../src/http/cors.ts';
import { type Admission, admit } from './admit.ts';
import { DeliveryRecord } from './delivery-record.ts';
import { type DeliveryContext, type Exchange, sendHead } from './exchange.ts';
import { parseRequest } from './parse-request.ts';
import { ClientTooSlow } from './send-answer.ts';
import { deliver } from './send-found.ts';

const MAX_STARTS = 3;
const ALLOW = 'GET, HEAD, OPTIONS';
/** Made once: every connection closes some day, and an error with its stack costs more than a small answer. */
const CLIENT_LEFT = new Error('the client has left');

/** Answers one request to its end. Never rejects but for a bug. */
export async function handleGet(
  incoming: IncomingMessage,
  response: ServerResponse,
  context: DeliveryContext,
): Promise<void> {
  const record = new DeliveryRecord(incoming.method ?? '', context);
  const left = new AbortController();
  response.once('close', () => left.abort(CLIENT_LEFT));
  const exchange: Exchange = { response, context, record, left: left.signal };
  if (context.isDraining()) response.setHeader('Connection', 'close');
  try {
    await answer(incoming, exchange);
  } catch (error) {
    fail(error, exchange);
  } finally {
    record.end();
  }
}

async function answer(incoming: IncomingMessage, exchange: Exchange): Promise<void> {
  const { context, record } = exchange;
  const { method = '', url: target = '', headers } = incoming;
  const { maxTargetChars, id: ownId } = context.config;
  const parsed = parseRequest({ method, target, headers }, { maxTargetChars, ownId });
  if (parsed.kind === 'options') return sendHead(exchange, 204, { ...preflightHeaders, Allow: ALLOW });
  if (parsed.kind === 'refused') {
    record.reason = parsed.reason;
    return sendHead(exchange, parsed.status, parsed.status === 405 ? { Allow: ALLOW } : {});
  }
  const { request } = parsed;
  record.path = request.path;
  const admission = admit(
    {
      activeRequests: context.load.activeRequests - 1,
      maxActiveRequests: context.config.maxActiveRequests,
      egressBitsPerSec: context.load.egressBitsPerSec(),
      hardEgressBitsPerSec: context.config.hardEgressBitsPerSec,
    },
    context.world.random.next(),
  );
  if (admission.kind === 'shed') return shed(exchange, admission);
  for (let start = 1; ; start += 1) {
    try {
      await deliver(request, exchange);
      return;
    } catch (error) {
      if (exchange.response.headersSent || exchange.left.aborted) throw error;
      // Not counted: it takes another purge to happen again.
      if (isOperational(error, 'PURGED')) start -= 1;
      else if (!isOperational(error, 'SOURCE_CHANGED') || start === MAX_STARTS) throw error;
    }
  }
}

function shed(exchange: Exchange, admission: Admission & { readonly kind: 'shed' }): void {
  exchange.record.outcome = 'shed';
  sendHead(exchange, 503, {
    'Retry-After': String(admission.retryAfterSec),
    // No blanks: a player that reads this splits without trimming.
    'CMSD-Dynamic': `"${exchange.context.config.id}";du`,
  });
}

/** The request ends in a failure: an honest status while that is possible, else the end of the connection. */
function fail(error: unknown, exchange: Exchange): void {
  const { response, record, left } = exchange;
  if (left.aborted) return record.abandoned('client-left');
  if (error instanceof ClientTooSlow) {
    record.abandoned('client-slow');
    response.destroy();
    return;
  }
  if (!isOperational(error)) {
    response.destroy();
    throw error;
  }
  record.outcome = 'failed';
  record.reason = error.code;
  if (response.headersSent) {
    record.abandoned('source-failed');
    response.destroy();
    return;
  }
  sendHead(exchange, ERROR_CODES[error.code].status, {});
}
