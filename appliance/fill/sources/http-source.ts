import type { HttpClient, HttpResponse } from '../../../src/client/http-client.ts';
import { GRANT_FIELD } from '../../../src/contracts/url-grant.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { BreakerPass } from '../../../src/resilience/circuit-breaker.ts';
import { FailureLog } from '../../../src/telemetry/failure-log.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { ApplianceMetrics, SourceKind } from '../../metrics.ts';
import type { FillSource, SourceRequest, SourceResponse } from '../fill-source.ts';
import type { SourceBans } from './source-bans.ts';
import { SourceHealth, type SourceResult } from './source-health.ts';

/** Where a source is. */
export interface SourcePlace {
  readonly kind: SourceKind;
  readonly id: string;
  readonly baseUrl: string;
  /** Whether it may fetch for us what it does not hold. The origin always may. */
  readonly fetches: boolean;
}

export interface SourceLimits {
  readonly connectTimeoutMs: number;
  readonly sourceHeadTimeoutMs: number;
  readonly sourceIdleTimeoutMs: number;
}

export interface SourceContext {
  readonly http: HttpClient;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly limits: SourceLimits;
  /** What appliances are asked with where URLs have to be signed. Not for the origin. */
  readonly grant: () => string | undefined;
  /** Whether a source gave wrong bytes and is not to be asked. */
  readonly bans?: Pick<SourceBans, 'isBanned'> | undefined;
  /** Our name, for CDN-Loop. */
  readonly ownId: string;
}

/** A source that answers so has trouble of its own, and would with any file. Of an appliance 504 says "not held". */
const TROUBLE: ReadonlySet<number> = new Set([502, 503, 504]);
const LOOP = 508;
/** As read-answer.ts makes them. */
const MADE_UP_TAG = /^"(?:u|lm)-/;

/**
 * A source over HTTP. Viewers' cookies and credentials never go there: the request is made anew. `identity` is asked
 * for, because ranges of a coded body would depend on who compressed it and when. A peer answers only from what it
 * holds, so that a miss does not travel from appliance to appliance; RFC 8586 stops the loops that are left. What an
 * answer tells of the source goes into its health: the head and the first bytes count, since a source that answers and
 * then gives nothing is no better than one that is silent.
 */
export class HttpSource implements FillSource {
  readonly kind: SourceKind;
  readonly id: string;
  readonly health: SourceHealth;
  readonly #baseUrl: string;
  readonly #context: SourceContext;
  /** That a source is away is one line, and that it is back another; requests that fail by it only count. */
  readonly #log: FailureLog;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(place: SourcePlace, context: SourceContext) {
    const name = `${place.kind} ${place.id} at ${place.baseUrl}`;
    this.kind = place.kind;
    this.id = place.id;
    this.health = new SourceHealth(name, place.kind, context, () => context.bans?.isBanned(place.id) === true);
    this.#baseUrl = place.baseUrl;
    this.#context = context;
    this.#log = new FailureLog(context.logger, `reach ${name}`);
    this.#headers = {
      'accept-encoding': 'identity',
      'cdn-loop': context.ownId,
      via: `1.1 ${context.ownId}`,
      ...(place.fetches ? {} : { 'cache-control': 'only-if-cached' }),
      ...(place.kind === 'origin' ? {} : { 'want-repr-digest': 'sha-256=9' }),
    };
  }

  async ask(request: SourceRequest): Promise<SourceResponse> {
    const pass = this.health.enter();
    const { clock } = this.#context.world;
    const askedAtMs = clock.monotonicMs();
    let response: HttpResponse;
    try {
      response = await this.#send(request);
    } catch (error) {
      const result = resultOf(error, request.signal);
      this.health.ended(pass, result);
      if (result !== 'unknown' && isOperational(error)) {
        this.#context.metrics.sourceFailed(error.code);
        this.#log.failed(error);
      }
      throw error;
    }
    this.#log.worked();
    if (response.status === LOOP) this.health.looped();
    if (TROUBLE.has(response.status) && !(response.status === 504 && this.kind !== 'origin')) {
      this.health.ended(pass, 'refused');
      return { ...response, source: this };
    }
    const hasBody = request.method !== 'HEAD' && (response.status === 200 || response.status === 206);
    if (hasBody) return { ...response, source: this, ...this.#watched(response, { pass, askedAtMs, request }) };
    this.health.ended(pass, 'fine');
    return { ...response, source: this };
  }

  async #send(request: SourceRequest): Promise<HttpResponse> {
    const { range } = request;
    const { world, http, limits } = this.#context;
    const grant = this.kind === 'origin' ? undefined : this.#context.grant();
    // The client's own limits begin when a connection is free for the request; this one begins now.
    const guard = new AbortController();
    const limitMs = limits.connectTimeoutMs + limits.sourceHeadTimeoutMs;
    const timer = world.clock.setTimer(limitMs, () => {
      guard.abort(new OperationalError('SOURCE_TIMEOUT', `${this.id}${request.target}: no answer in ${limitMs} ms`));
    });
    try {
      const response = await http.request({
        url: this.#baseUrl + request.target,
        method: request.method ?? 'GET',
        headers: {
          ...this.#headers,
          ...(range === undefined ? {} : { range: `bytes=${range.first}-${range.last ?? ''}` }),
          ...request.headers,
          ...(grant === undefined ? {} : { [GRANT_FIELD]: grant }),
        },
        headersTimeoutMs: limits.sourceHeadTimeoutMs,
        bodyTimeoutMs: limits.sourceIdleTimeoutMs,
        signal: request.signal === undefined ? guard.signal : AbortSignal.any([request.signal, guard.signal]),
      });
      return this.kind === 'origin' ? response : { ...response, headers: withoutMadeUpTag(response.headers) };
    } finally {
      timer.cancel();
    }
  }

  /** The body, which tells of its first bytes as they pass. */
  #watched(
    response: HttpResponse,
    asked: { readonly pass: BreakerPass; readonly askedAtMs: number; readonly request: SourceRequest },
  ): Pick<HttpResponse, 'body' | 'discard'> {
    const { clock } = this.#context.world;
    let isTold = false;
    const tell = (result: SourceResult): void => {
      if (!isTold) this.health.ended(asked.pass, result);
      isTold = true;
    };
    const cameFirst = (): void => {
      if (!isTold) this.health.firstByteCame(clock.monotonicMs() - asked.askedAtMs);
      tell('fine');
    };
    const iterate = (): AsyncIterator<Buffer> => {
      const pieces = response.body[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const step = await pieces.next();
            cameFirst();
            return step;
          } catch (error) {
            tell(resultOf(error, asked.request.signal));
            throw error;
          }
        },
        async return() {
          tell('unknown');
          await pieces.return?.();
          return { done: true, value: undefined };
        },
      };
    };
    return {
      body: { [Symbol.asyncIterator]: iterate },
      discard: () => {
        tell('fine');
        response.discard();
      },
    };
  }
}

/**
 * Where an origin gives no strong tag, an appliance makes one for its clients. Another appliance makes another, so such
 * a tag says nothing here; the date of the last change does.
 */
function withoutMadeUpTag(headers: HttpResponse['headers']): HttpResponse['headers'] {
  const { etag, ...others } = headers;
  return etag !== undefined && MADE_UP_TAG.test(etag) ? others : headers;
}

/** What a failure says of the source. A request that we ended ourselves says nothing, unless we ended it for its time. */
function resultOf(error: unknown, signal: AbortSignal | undefined): SourceResult {
  if (!isOperational(error)) return 'unknown';
  if (signal?.aborted === true && error === signal.reason && error.code !== 'SOURCE_TIMEOUT') return 'unknown';
  return error.code === 'SOURCE_TIMEOUT' || error.code === 'SOURCE_UNREACHABLE' ? 'silent' : 'refused';
}
