/**
 * The life of one GET. Read this first.
 *
 *   parse    what is asked for                 400, 404, 405, 414, 508 end it       parse-request
 *   admit    whether there is room             503 with Retry-After ends it         admit
 *   find     which object, fresh or confirmed  502, 504 end it                      find-object, then fill/ and store/
 *   choose   status, fields, bytes             304, 412, 416 are answers            choose-answer
 *   send     at the client's pace              a failure cuts the connection        send-answer
 *   record   counters, log line, demand        always                               delivery-record
 *
 * An origin may replace a file while it is being fetched. Until the head is sent nobody has seen the old one, so the
 * request starts over with the new one; after that the connection is cut, since two generations never share a body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CODES } from '../../src/errors/error-codes.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import { appendCacheStatus, formatCacheStatus } from '../../src/http/cache-status.ts';
import { crossOriginHeaders, preflightHeaders } from '../../src/http/cors.ts';
import type { World } from '../../src/world/world.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientValidators, keptHeaders } from '../fill/origin/read-answer.ts';
import { type Admission, admit } from './admit.ts';
import { type Answer, chooseAnswer } from './choose-answer.ts';
import { DeliveryRecord, type RecordContext } from './delivery-record.ts';
import { type Finder, type Found, findObject } from './find-object.ts';
import { type DeliveryRequest, parseRequest } from './parse-request.ts';
import { ClientTooSlow, type Head, piecesOf, sendAnswer, sendWhole } from './send-answer.ts';

export interface DeliveryContext extends RecordContext {
  readonly config: ApplianceConfig;
  readonly world: World;
  readonly finder: Finder;
  /** Whether clients are asked to connect elsewhere next time. */
  readonly isDraining: () => boolean;
}

/** One request with what it needs on its way. */
interface Exchange {
  readonly response: ServerResponse;
  readonly context: DeliveryContext;
  readonly record: DeliveryRecord;
  readonly left: AbortSignal;
}

const MAX_STARTS = 3;
const ALLOW = 'GET, HEAD, OPTIONS';
const NO_BYTES = new Uint8Array();
const BOUNDARY_BYTES = 18;
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
      const mayStartOver = isOperational(error, 'SOURCE_CHANGED') && !exchange.response.headersSent;
      if (!mayStartOver || start === MAX_STARTS) throw error;
    }
  }
}

async function deliver(request: DeliveryRequest, exchange: Exchange): Promise<void> {
  const found = await findObject(request, exchange.context.finder);
  switch (found.kind) {
    case 'object':
      return sendObject(request, found, exchange);
    case 'answer':
      exchange.record.outcome = 'pass';
      return sendSmall(request, found, exchange);
    case 'stream':
      exchange.record.outcome = 'pass';
      return sendStream(request, found, exchange);
    case 'refused':
      exchange.record.reason = found.reason;
      return sendHead(exchange, found.status, {});
  }
}

async function sendObject(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'object' },
  exchange: Exchange,
): Promise<void> {
  const { context, record } = exchange;
  using lease = found.lease;
  const { description } = lease;
  const mayHaveParts = request.ranges !== 'ignore' && request.ranges.length > 1;
  const boundary = mayHaveParts ? context.world.random.bytes(BOUNDARY_BYTES).toString('hex') : '';
  const chosen = (isHeld: boolean): Answer =>
    chooseAnswer({
      ...request,
      sizeBytes: description.sizeBytes,
      headers: description.headers,
      validators: clientValidators(description),
      ageMs: found.ageMs,
      cacheStatus: formatCacheStatus(
        context.config.id,
        isHeld || found.cacheStatus.kind === 'fwd'
          ? found.cacheStatus
          : { kind: 'fwd', reason: 'partial', stored: true, ttlSeconds: found.cacheStatus.ttlSeconds },
      ),
      boundary,
    });
  let chosenAnswer = chosen(true);
  const isHeld = rangesOf(chosenAnswer).every((range) => lease.holds(range));
  if (!isHeld) {
    if (request.directives.onlyIfCached) {
      record.reason = 'not held';
      return sendHead(exchange, 504, {});
    }
    chosenAnswer = chosen(false);
  }
  record.outcome = isHeld || found.outcome !== 'hit' ? found.outcome : 'partial';
  record.status = chosenAnswer.status;
  // A peer's fill is no viewer's wish.
  record.countsAsDemand = !request.directives.onlyIfCached;
  const pieces = piecesOf(chosenAnswer.body, (range) => lease.read(range, exchange.left));
  await sendAnswer(exchange.response, chosenAnswer, pieces, sendOptions(exchange));
}

const rangesOf = ({ body }: Answer) =>
  body.kind === 'range' ? [body.range] : body.kind === 'multipart' ? body.framing.parts.map(({ range }) => range) : [];

/** What the origin answered instead of content. */
function sendSmall(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'answer' },
  { response, record, context }: Exchange,
): void {
  record.status = found.status;
  const member = formatCacheStatus(context.config.id, {
    kind: 'fwd',
    reason: 'uri-miss',
    forwardStatus: found.status,
  });
  const hasBody = request.method === 'GET' && found.status !== 304 && found.status !== 204;
  const headers = {
    ...found.headers,
    'cache-status': appendCacheStatus(found.headers['cache-status'], member),
    ...crossOriginHeaders,
    ...(hasBody ? { 'Content-Length': String(found.body.length) } : {}),
  };
  sendWhole(response, { status: found.status, headers }, hasBody ? found.body : NO_BYTES, record);
}

async function sendStream(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'stream' },
  exchange: Exchange,
): Promise<void> {
  const { response: upstream } = found;
  const { context, record } = exchange;
  record.status = upstream.status;
  const status = appendCacheStatus(
    upstream.headers['cache-status'],
    formatCacheStatus(context.config.id, found.cacheStatus),
  );
  const headers: Record<string, string | readonly string[]> = {
    ...keptHeaders(upstream.headers),
    'cache-status': status,
    ...(upstream.setCookies.length === 0 ? {} : { 'set-cookie': upstream.setCookies }),
    ...crossOriginHeaders,
  };
  // What describes this one body goes through with it.
  for (const name of ['content-length', 'content-range', 'accept-ranges', 'age']) {
    const value = upstream.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  try {
    if (request.method === 'HEAD' || exchange.left.aborted) {
      return sendWhole(exchange.response, { status: upstream.status, headers }, NO_BYTES, record);
    }
    await sendAnswer(exchange.response, { status: upstream.status, headers }, upstream.body, sendOptions(exchange));
  } finally {
    upstream.discard();
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

/** A refusal of our own: no body, and readable for players on other sites. */
function sendHead({ response, record }: Exchange, status: number, headers: Head['headers']): void {
  record.status = status;
  const length: Head['headers'] = status === 204 ? {} : { 'Content-Length': '0' };
  sendWhole(response, { status, headers: { ...length, ...crossOriginHeaders, ...headers } }, NO_BYTES, record);
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

const sendOptions = ({ context, left, record }: Exchange) => ({
  clock: context.world.clock,
  stallMs: context.config.sendStallMs,
  signal: left,
  progress: record,
});
