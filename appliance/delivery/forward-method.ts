/**
 * A method that changes something, on its way to the origin: only where the operator allows it, never stored, never
 * tried twice. The body goes through as it comes, bounded in size and slowest rate, and is not asked for before the
 * origin is (Expect: 100-continue). Where the origin did not refuse, what is held under the target, and what it names
 * in Location and Content-Location on the same site, is purged before the answer's head leaves, so that whoever asks
 * after it sees the change (RFC 9110 section 9.2.2, RFC 9111 section 4.4).
 */
import type { IncomingMessage } from 'node:http';
import type { HttpResponse } from '../../src/client/http-client.ts';
import { appendCacheStatus, formatCacheStatus } from '../../src/http/cache-status.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import { keptHeaders } from '../fill/origin/read-answer.ts';
import { type Exchange, type Forwarding, sendHead } from './exchange.ts';
import type { DeliveryRequest } from './parse-request.ts';
import { ClientTooSlow, sendAnswer } from './send-answer.ts';

export const FORWARDABLE_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type ForwardableMethod = (typeof FORWARDABLE_METHODS)[number];

/** The client sent more than it may. */
class BodyTooLarge extends Error {}

export const isForwardable = (method: string): method is ForwardableMethod =>
  FORWARDABLE_METHODS.some((known) => known === method);

/** @throws OperationalError when the origin does not answer; what ends a body early (ClientTooSlow, the client left) */
export async function forwardMethod(
  method: ForwardableMethod,
  request: DeliveryRequest,
  { incoming, hasBody }: { readonly incoming: IncomingMessage; readonly hasBody: boolean },
  exchange: Exchange,
): Promise<void> {
  const { context, record } = exchange;
  const { config } = context;
  const length = incoming.headers['content-length'];
  if (Number(length ?? 0) > config.maxForwardBodyBytes) return refuseBody(exchange);
  record.outcome = 'pass';
  let upstream: HttpResponse;
  try {
    upstream = await context.forwarding.http.request({
      url: config.origin + request.key,
      method,
      headers: {
        ...request.forwardHeaders,
        'cdn-loop': [incoming.headers['cdn-loop'], config.id].filter((member) => member !== undefined).join(', '),
        ...(hasBody && length !== undefined ? { 'content-length': length } : {}),
      },
      ...(hasBody ? { body: bodyOf(incoming, exchange) } : {}),
      headersTimeoutMs: config.sourceHeadTimeoutMs,
      bodyTimeoutMs: config.sourceIdleTimeoutMs,
      signal: exchange.left,
    });
  } catch (error) {
    if (causeOf(error, BodyTooLarge) !== undefined) return refuseBody(exchange);
    throw causeOf(error, ClientTooSlow) ?? error;
  }
  try {
    if (upstream.status < 400) await invalidate(request.key, incoming.headers.host, upstream, context.forwarding);
    await sendBack(upstream, incoming, exchange);
  } finally {
    upstream.discard();
  }
}

async function sendBack(upstream: HttpResponse, incoming: IncomingMessage, exchange: Exchange): Promise<void> {
  const { context, record } = exchange;
  const { status } = upstream;
  record.status = status;
  const member = formatCacheStatus(context.config.id, { kind: 'fwd', reason: 'method', forwardStatus: status });
  const headers: Record<string, string | readonly string[]> = {
    ...keptHeaders(upstream.headers),
    'cache-status': appendCacheStatus(upstream.headers['cache-status'], member),
    ...(upstream.setCookies.length === 0 ? {} : { 'set-cookie': upstream.setCookies }),
    ...crossOriginHeaders,
    // What is left of the body is not read: the next request would be looked for in it.
    ...(incoming.complete ? {} : { Connection: 'close' }),
  };
  const { 'content-length': length } = upstream.headers;
  if (length !== undefined) headers['content-length'] = length;
  await sendAnswer(exchange.response, { status, headers }, upstream.body, {
    clock: context.world.clock,
    stallMs: context.config.sendStallMs,
    minBytesPerSec: context.config.minClientBytesPerSec,
    signal: exchange.left,
    progress: record,
    beforeHead: () => undefined,
  });
}

/** The body as it comes, as long as it comes fast enough and is no larger than it may be. */
async function* bodyOf(incoming: IncomingMessage, { context, response }: Exchange): AsyncGenerator<Uint8Array> {
  const { minClientBytesPerSec, maxForwardBodyBytes, sendStallMs } = context.config;
  const { clock } = context.world;
  if (incoming.headers.expect !== undefined) response.writeContinue();
  let total = 0;
  let inWindow = 0;
  const look = (): void => {
    if ((inWindow * 1000) / sendStallMs < minClientBytesPerSec) {
      incoming.destroy(new ClientTooSlow(`sent ${inWindow} bytes in ${sendStallMs} ms`));
    }
    inWindow = 0;
    timer = clock.setTimer(sendStallMs, look);
  };
  let timer = clock.setTimer(sendStallMs, look);
  try {
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      total += piece.length;
      inWindow += piece.length;
      if (total > maxForwardBodyBytes) throw new BodyTooLarge();
      yield piece;
    }
  } finally {
    timer.cancel();
  }
}

/** The target, and what the answer says was changed beside it, as far as it is of the same site. */
async function invalidate(
  key: string,
  host: string | undefined,
  { headers }: HttpResponse,
  forwarding: Forwarding,
): Promise<void> {
  const keys = new Set([key]);
  const base = `http://${host ?? 'localhost'}`;
  for (const reference of [headers['location'], headers['content-location']]) {
    if (reference === undefined || !URL.canParse(reference, base + key)) continue;
    const url = new URL(reference, base + key);
    const target = parseTarget(url.pathname + url.search, { maxTargetChars: reference.length + key.length + 1 });
    if (url.host === new URL(base).host && target.kind === 'ok') keys.add(target.cacheKey);
  }
  await Promise.all([...keys].map((each) => forwarding.invalidate(each)));
}

function refuseBody(exchange: Exchange): void {
  exchange.record.outcome = 'refused';
  exchange.record.refused('body');
  sendHead(exchange, 413, { Connection: 'close' });
}

/** The error, or one that it was caused by, that is of a kind. */
function causeOf<T extends Error>(error: unknown, kind: new (message: string) => T): T | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof kind) return at;
  return undefined;
}
