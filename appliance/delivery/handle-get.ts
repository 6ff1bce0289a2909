/**
 * The life of one GET. Read this first.
 *
 *   open     whether the URL's token opens it  403 ends it                          tokens/token-gate
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
import type { Socket } from 'node:net';
import { ERROR_CODES } from '../../src/errors/error-codes.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import { cmsdDynamic } from '../../src/http/cmsd.ts';
import { preflightHeaders } from '../../src/http/cors.ts';
import { INVENTORY_TARGET } from '../fill/inventory/tell-inventory.ts';
import type { LocalAnswer } from '../local-steering/local-steering.ts';
import type { Passed } from '../tokens/token-gate.ts';
import { type Admission, admit } from './admit.ts';
import { checkHead, type RefusalReason } from './check-head.ts';
import { breakOff } from './cut-answer.ts';
import { DeliveryRecord } from './delivery-record.ts';
import { type DeliveryContext, type Exchange, loadBeside, sendHead } from './exchange.ts';
import { forwardMethod, isForwardable } from './forward-method.ts';
import { parseRequest } from './parse-request.ts';
import { ClientTooSlow, sendWhole } from './send-answer.ts';
import { deliver } from './send-found.ts';

const MAX_STARTS = 3;
/** A purge makes a request begin anew; so many of them one after the other are more than chance. */
const MAX_STARTS_AFTER_PURGES = 20;
const ALLOWED = ['GET', 'HEAD', 'OPTIONS'];
/** Made once: every connection closes some day, and an error with its stack costs more than a small answer. */
const CLIENT_LEFT = new Error('the client has left');

/**
 * Connections that end with an answer that was given already. What is pipelined behind a refused request was sent by
 * somebody who may have meant something else by it, and is not even begun.
 */
const ENDING = new WeakSet<Socket>();

/** Answers one request to its end. Never rejects but for a bug. */
export async function handleGet(
  incoming: IncomingMessage,
  response: ServerResponse,
  context: DeliveryContext,
): Promise<void> {
  if (ENDING.has(incoming.socket)) return;
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
  const head = checkHead({ version: incoming.httpVersion, method, rawHeaders: incoming.rawHeaders });
  if (head.kind === 'refused') return refuse(exchange, head, true);
  // Anything but 100-continue means that somebody wants what is not there (RFC 9110 section 10.1.1).
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return refuse(exchange, { status: 417, reason: 'expectation' }, head.hasBody);
  }
  const forwarded = isForwardable(method) && context.forwarding.methods.has(method) ? method : undefined;
  const local = context.localSteering?.answer(method, target);
  if (local !== undefined) return sendLocal(exchange, local, head.hasBody);
  const asks = forwarded !== undefined || method === 'GET' || method === 'HEAD';
  const passed = asks ? await context.tokenGate.pass(target, headers) : ({ kind: 'passed', target } as const);
  if (passed.kind === 'refused') return refuseToken(exchange, passed, head.hasBody);
  if (passed.target === INVENTORY_TARGET && method === 'GET') {
    const inventory = context.inventory?.(incoming.socket.remoteAddress ?? '');
    if (inventory !== undefined) return sendInventory(exchange, inventory, head.hasBody);
  }
  const parsed = parseRequest(
    // Two Range lines have two readings, and which one a client meant is not ours to guess.
    {
      method: forwarded === undefined ? method : 'GET',
      target: passed.target,
      headers: head.hasSeveralRanges ? { ...headers, range: undefined } : headers,
    },
    { maxTargetChars, ownId },
  );
  if (parsed.kind === 'options') {
    // Its body, if it has one, is not read.
    const connection = head.hasBody ? { Connection: 'close' } : {};
    return sendHead(exchange, 204, { ...preflightHeaders, Allow: allowed(context), ...connection });
  }
  if (parsed.kind === 'refused') {
    const reason = parsed.status === 405 ? 'method' : parsed.status === 508 ? 'loop' : 'target';
    return refuse(exchange, { status: parsed.status, reason, detail: parsed.reason }, head.hasBody);
  }
  const { request } = parsed;
  record.path = request.path;
  if (forwarded === undefined && !request.directives.onlyIfCached) {
    record.viewer = { address: incoming.socket.remoteAddress ?? '', target, headers };
  }
  const admission = admit(loadBeside(context), context.world.random.next());
  if (admission.kind === 'shed') return shed(exchange, admission, head.hasBody);
  if (forwarded !== undefined) {
    return forwardMethod(forwarded, request, { incoming, hasBody: head.hasBody }, exchange);
  }
  for (let start = 1; ; start += 1) {
    try {
      await deliver(request, exchange);
      return;
    } catch (error) {
      if (exchange.response.headersSent || exchange.left.aborted) throw error;
      const isPurged = isOperational(error, 'PURGED');
      if (!isPurged && !isOperational(error, 'SOURCE_CHANGED')) throw error;
      if (start >= (isPurged ? MAX_STARTS_AFTER_PURGES : MAX_STARTS)) throw error;
    }
  }
}

const allowed = ({ forwarding }: DeliveryContext): string => [...ALLOWED, ...forwarding.methods].join(', ');

/** @param ends whether the connection does: where the next request begins is not certain, or costs too much to find */
function refuse(
  exchange: Exchange,
  refusal: { readonly status: number; readonly reason: RefusalReason; readonly detail?: string },
  ends: boolean,
): void {
  exchange.record.refused(refusal.reason, refusal.detail);
  if (ends && exchange.response.socket !== null) ENDING.add(exchange.response.socket);
  sendHead(exchange, refusal.status, {
    ...(refusal.status === 405 ? { Allow: allowed(exchange.context) } : {}),
    ...(ends ? { Connection: 'close' } : {}),
  });
}

/** An order of this site for a player, while steering is away: no object, no demand. */
function sendLocal({ response, record }: Exchange, { headers, body }: LocalAnswer, ends: boolean): void {
  record.status = 200;
  record.outcome = 'hit';
  sendWhole(response, { status: 200, headers: { ...headers, ...(ends ? { Connection: 'close' } : {}) } }, body, record);
}

/** For another appliance: no object, no demand. */
function sendInventory(exchange: Exchange, inventory: Buffer | 'busy', ends: boolean): void {
  const { response, record } = exchange;
  const connection = ends ? { Connection: 'close' } : {};
  if (inventory === 'busy') {
    record.outcome = 'shed';
    return sendHead(exchange, 503, { ...connection, 'Retry-After': '1' });
  }
  record.status = 200;
  record.outcome = 'hit';
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(inventory.length),
    'Cache-Control': 'no-store',
    ...connection,
  };
  sendWhole(response, { status: 200, headers }, inventory, record);
}

/** Nobody stores it: the same URL may open in a moment, with a newer key. The token itself is told to no log. */
function refuseToken(exchange: Exchange, refused: Passed & { readonly kind: 'refused' }, ends: boolean): void {
  exchange.record.refused('token', `token ${refused.reason}`);
  sendHead(exchange, refused.status, {
    'Cache-Control': 'no-store',
    ...(refused.status === 503 ? { 'Retry-After': '1' } : {}),
    ...(ends ? { Connection: 'close' } : {}),
  });
}

function shed(exchange: Exchange, admission: Admission & { readonly kind: 'shed' }, ends: boolean): void {
  exchange.record.outcome = 'shed';
  sendHead(exchange, 503, {
    ...(ends ? { Connection: 'close' } : {}),
    'Retry-After': String(admission.retryAfterSec),
    'CMSD-Dynamic': cmsdDynamic(undefined, exchange.context.config.id, true),
  });
}

/** The request ends in a failure: an honest status while that is possible, else the end of the connection. */
function fail(error: unknown, exchange: Exchange): void {
  const { response, record, left } = exchange;
  if (left.aborted) return record.abandoned('client-left');
  if (error instanceof ClientTooSlow) {
    record.abandoned('client-slow');
    breakOff(response);
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
    breakOff(response);
    return;
  }
  sendHead(exchange, ERROR_CODES[error.code].status, {});
}
