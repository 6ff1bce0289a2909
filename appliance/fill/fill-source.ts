import type { HttpClient, HttpResponse } from '../../src/client/http-client.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import type { ApplianceMetrics, SourceKind } from '../metrics.ts';

/** What is asked of a source. Byte positions are inclusive; `last` undefined means to the end. */
export interface SourceRequest {
  /** Path and query. */
  readonly target: string;
  readonly method?: 'GET' | 'HEAD';
  readonly range?: { readonly first: number; readonly last: number | undefined };
  /** Conditions and the like. Names are lower-case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Somewhere that bytes come from: a peer, an appliance of another tier, or the origin. */
export interface FillSource {
  readonly kind: SourceKind;
  readonly id: string;
  /** @throws OperationalError SOURCE_UNREACHABLE, SOURCE_TIMEOUT, SOURCE_PROTOCOL; an abort rethrows the signal's reason. */
  ask(request: SourceRequest): Promise<HttpResponse>;
}

export interface SourceLimits {
  readonly connectTimeoutMs: number;
  readonly sourceHeadTimeoutMs: number;
  readonly sourceIdleTimeoutMs: number;
}

export interface SourceContext {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly limits: SourceLimits;
  /** Our name, for CDN-Loop. */
  readonly ownId: string;
}

/**
 * A source over HTTP. Viewers' cookies and credentials never go there: the request is made anew. `identity` is asked
 * for, because ranges of a coded body would depend on who compressed it and when. A peer answers only from what it
 * holds, so that a miss does not travel from appliance to appliance; RFC 8586 stops the loops that are left.
 */
export class HttpSource implements FillSource {
  readonly kind: SourceKind;
  readonly id: string;
  readonly #baseUrl: string;
  readonly #context: SourceContext;
  /** That a source is away is one line, and that it is back another; requests that fail by it only count. */
  readonly #log: FailureLog;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    place: { readonly kind: SourceKind; readonly id: string; readonly baseUrl: string },
    context: SourceContext,
  ) {
    this.kind = place.kind;
    this.id = place.id;
    this.#baseUrl = place.baseUrl;
    this.#context = context;
    this.#log = new FailureLog(context.logger, `reach ${place.kind} ${place.id} at ${place.baseUrl}`);
    this.#headers = {
      'accept-encoding': 'identity',
      'cdn-loop': context.ownId,
      via: `1.1 ${context.ownId}`,
      ...(place.kind === 'origin' ? {} : { 'cache-control': 'only-if-cached' }),
    };
  }

  async ask(request: SourceRequest): Promise<HttpResponse> {
    const { range } = request;
    const { clock, http, limits } = this.#context;
    // The client's own limits begin when a connection is free for the request; this one begins now.
    const guard = new AbortController();
    const limitMs = limits.connectTimeoutMs + limits.sourceHeadTimeoutMs;
    const timer = clock.setTimer(limitMs, () => {
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
        },
        headersTimeoutMs: limits.sourceHeadTimeoutMs,
        bodyTimeoutMs: limits.sourceIdleTimeoutMs,
        signal: request.signal === undefined ? guard.signal : AbortSignal.any([request.signal, guard.signal]),
      });
      this.#log.worked();
      return response;
    } catch (error) {
      if (request.signal?.aborted !== true) this.#failed(error);
      throw error;
    } finally {
      timer.cancel();
    }
  }

  #failed(error: unknown): void {
    if (!isOperational(error)) return;
    this.#context.metrics.sourceFailed(error.code);
    this.#log.failed(error);
  }
}
