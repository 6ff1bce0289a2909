import type { HttpResponse } from '../../src/client/http-client.ts';
import type { SourceKind } from '../metrics.ts';
import type { SourceHealth } from './sources/source-health.ts';

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

/** An answer, and who gave it. */
export interface SourceResponse extends HttpResponse {
  readonly source: FillSource;
}

/** Somewhere that bytes come from: a peer, an appliance of another tier, or the origin. */
export interface FillSource {
  readonly kind: SourceKind;
  readonly id: string;
  readonly health: SourceHealth;
  /**
   * @throws OperationalError SOURCE_UNREACHABLE, SOURCE_TIMEOUT, SOURCE_PROTOCOL, SOURCE_TRUNCATED; SOURCE_RESTING,
   *   at once, while it is left alone; an abort rethrows the signal's reason.
   */
  ask(request: SourceRequest): Promise<SourceResponse>;
}
