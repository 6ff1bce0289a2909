/**
 * What was found, on its way to the client: an object in the shape that choose-answer gives it, what the origin said
 * instead of content, or a body that is handed through.
 */
import { appendCacheStatus, type CacheForward, type CacheHit, formatCacheStatus } from '../../src/http/cache-status.ts';
import { withCmsd } from '../../src/http/cmsd.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import { clientValidators, keptHeaders } from '../fill/origin/read-answer.ts';
import type { Passage } from '../purge/purge-barrier.ts';
import { type Answer, chooseAnswer } from './choose-answer.ts';
import { cmsdHeader, cmsdNow, type Exchange, NO_BYTES, PurgeGate, sendHead, sendOptions } from './exchange.ts';
import { type Found, findObject } from './find-object.ts';
import type { DeliveryRequest } from './parse-request.ts';
import { piecesOf, sendAnswer, sendWhole } from './send-answer.ts';

const BOUNDARY_BYTES = 18;

/**
 * Finds what a request asks for and sends it.
 * @throws OperationalError SOURCE_CHANGED, PURGED: while no head is sent, the request may begin anew
 */
export async function deliver(request: DeliveryRequest, exchange: Exchange): Promise<void> {
  using passage = exchange.context.finder.fills.purges.enter();
  const found = await findObject(request, exchange.context.finder, exchange.left);
  switch (found.kind) {
    case 'object':
      return await sendObject(request, found, passage, exchange);
    case 'answer':
      exchange.record.outcome = found.outcome;
      return sendSmall(request, found, passage, exchange);
    case 'stream':
      exchange.record.outcome = found.outcome;
      return await sendStream(request, found, passage, exchange);
    case 'refused':
      exchange.record.reason = found.reason;
      return sendHead(exchange, found.status, {});
  }
}

async function sendObject(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'object' },
  passage: Passage,
  exchange: Exchange,
): Promise<void> {
  const { context, record } = exchange;
  using lease = found.lease;
  const { description } = lease;
  using gate = new PurgeGate(passage, description, context);
  const mayHaveParts = request.ranges !== 'ignore' && request.ranges.length > 1;
  const boundary = mayHaveParts ? context.world.random.bytes(BOUNDARY_BYTES).toString('hex') : '';
  const chosen = (isHeld: boolean, isKept: boolean): Answer =>
    chooseAnswer({
      ...request,
      sizeBytes: description.sizeBytes,
      headers: description.headers,
      validators: clientValidators(description),
      ageMs: found.ageMs,
      cacheStatus: formatCacheStatus(context.config.id, statusOf(found, isHeld, isKept)),
      boundary,
    });
  let chosenAnswer = chosen(true, true);
  const ranges = rangesOf(chosenAnswer);
  const isHeld = ranges.every((range) => lease.holds(range));
  const isKept = ranges.every((range) => lease.keeps(range));
  if (!isHeld && request.directives.onlyIfCached) {
    record.reason = 'not held';
    return sendHead(exchange, 504, {});
  }
  if (!isHeld || !isKept) chosenAnswer = chosen(isHeld, isKept);
  record.outcome = isHeld || found.outcome !== 'hit' ? found.outcome : 'partial';
  record.status = chosenAnswer.status;
  // A peer's fill is no viewer's wish.
  record.countsAsDemand = !request.directives.onlyIfCached;
  record.isBackground = request.isBackground;
  const pieces = piecesOf(chosenAnswer.body, (range) =>
    lease.read(range, exchange.left, request.isBackground ? 'planned' : 'viewer'),
  );
  const options = sendOptions(exchange, gate);
  const head: { status: number; headers: Record<string, string> } = {
    status: chosenAnswer.status,
    headers: { ...chosenAnswer.headers },
  };
  const beforeHead = (): void => {
    options.beforeHead();
    // What was stored with the object was true then; of a miss it is what was said just now.
    const upstream = found.outcome === 'miss' ? description.headers['cmsd-dynamic'] : undefined;
    head.headers = withCmsd(head.headers, cmsdNow(context, upstream));
    // The first block is in hand by now, and what was wrong with it is known.
    if (lease.repairedBlocks > 0) head.headers['Cache-Status'] = repairedStatus(found, context.config.id);
  };
  await sendAnswer(exchange.response, head, pieces, { ...options, beforeHead });
}

/** A block was there, was found rotten and was fetched again. */
function repairedStatus({ lease, cacheStatus }: Found & { readonly kind: 'object' }, id: string): string {
  const { ttlSeconds } = cacheStatus;
  const member = formatCacheStatus(id, {
    kind: 'fwd',
    reason: 'partial',
    stored: true,
    ttlSeconds,
    detail: 'repaired',
  });
  return appendCacheStatus(lease.description.headers['cache-status'], member);
}

/** What is fetched for a held object completes it; what a full volume does not admit is not stored, and not said to be. */
function statusOf(
  { cacheStatus }: Found & { readonly kind: 'object' },
  isHeld: boolean,
  isKept: boolean,
): CacheHit | CacheForward {
  const status: CacheHit | CacheForward =
    isHeld || cacheStatus.kind === 'fwd'
      ? cacheStatus
      : { kind: 'fwd', reason: 'partial', stored: true, ttlSeconds: cacheStatus.ttlSeconds };
  return isKept || status.kind === 'hit' ? status : { ...status, stored: undefined };
}

const rangesOf = ({ body }: Answer) =>
  body.kind === 'range' ? [body.range] : body.kind === 'multipart' ? body.framing.parts.map(({ range }) => range) : [];

/** What the origin answered instead of content. */
function sendSmall(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'answer' },
  passage: Passage,
  { response, record, context }: Exchange,
): void {
  passage.check({ key: request.key, headers: found.headers });
  record.status = found.status;
  const member = formatCacheStatus(context.config.id, found.cacheStatus);
  const hasBody = request.method === 'GET' && found.status !== 304 && found.status !== 204;
  const headers = {
    ...withoutCmsd(found.headers),
    'cache-status': appendCacheStatus(found.headers['cache-status'], member),
    ...crossOriginHeaders,
    ...cmsdHeader(context, found.cacheStatus.kind === 'hit' ? undefined : found.headers['cmsd-dynamic']),
    ...(hasBody ? { 'Content-Length': String(found.body.length) } : {}),
  };
  sendWhole(response, { status: found.status, headers }, hasBody ? found.body : NO_BYTES, record);
}

/** Without what other servers said of themselves: it is put in again, in one field with our own. */
function withoutCmsd<V>(headers: Readonly<Record<string, V>>): Record<string, V> {
  const others = { ...headers };
  delete others['cmsd-dynamic'];
  return others;
}

async function sendStream(
  request: DeliveryRequest,
  found: Found & { readonly kind: 'stream' },
  passage: Passage,
  exchange: Exchange,
): Promise<void> {
  const { response: upstream } = found;
  const { context, record } = exchange;
  record.status = upstream.status;
  using gate = new PurgeGate(passage, { key: request.key, headers: upstream.headers }, context);
  const status = appendCacheStatus(
    upstream.headers['cache-status'],
    formatCacheStatus(context.config.id, found.cacheStatus),
  );
  const headers: Record<string, string | readonly string[]> = {
    ...withoutCmsd(keptHeaders(upstream.headers)),
    'cache-status': status,
    ...cmsdHeader(context, upstream.headers['cmsd-dynamic']),
    ...(upstream.setCookies.length === 0 ? {} : { 'set-cookie': upstream.setCookies }),
    ...crossOriginHeaders,
  };
  // What describes this one body goes through with it.
  for (const name of ['content-length', 'content-range', 'content-digest', 'accept-ranges', 'age']) {
    const value = upstream.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  // Not only at the next piece, which may be long in coming.
  const leave = (): void => upstream.discard();
  exchange.left.addEventListener('abort', leave);
  try {
    if (request.method === 'HEAD' || exchange.left.aborted) {
      passage.check({ key: request.key, headers: upstream.headers });
      return sendWhole(exchange.response, { status: upstream.status, headers }, NO_BYTES, record);
    }
    const head = { status: upstream.status, headers };
    await sendAnswer(exchange.response, head, upstream.body, sendOptions(exchange, gate));
  } finally {
    exchange.left.removeEventListener('abort', leave);
    upstream.discard();
  }
}
