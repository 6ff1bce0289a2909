/**
 * Whom a miss on demand is asked of: peers that may hold it, then the tier above, then the origin. To those who ask it
 * looks like one source, whose answers say who gave them.
 *
 * A peer is asked for what it holds and answers at once; that it lacks a file is remembered for some seconds. A tier
 * fetches what it lacks. The origin's word is the last: only what it says of a file is an answer though it is no
 * content, so 404 of a peer means nothing, and of a tier it is the origin's own. A source that fails costs the time
 * until it fails; one that is left alone (source-health.ts) costs nothing.
 */
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { SourceKind } from '../../metrics.ts';
import { orderForKey, orderForViewer } from '../choose-source.ts';
import type { FillSource, SourceRequest, SourceResponse } from '../fill-source.ts';
import type { LackMemory } from './lack-memory.ts';
import type { SourceHealth } from './source-health.ts';

export interface UpstreamSources {
  readonly peers: readonly FillSource[];
  readonly tier: FillSource | undefined;
  readonly origin: FillSource;
}

/** A miss that nobody holds costs so many questions on the way to the origin, and no more. */
const MAX_PEERS_ASKED = 2;

export class Upstream implements FillSource {
  readonly kind: SourceKind = 'origin';
  readonly id: string;
  readonly health: SourceHealth;
  readonly #sources: UpstreamSources;
  readonly #lacks: LackMemory;

  constructor(sources: UpstreamSources, lacks: LackMemory) {
    this.#sources = sources;
    this.#lacks = lacks;
    this.id = sources.origin.id;
    this.health = sources.origin.health;
  }

  /** Those worth asking for a file now, in order; the origin among them. */
  sourcesFor(target: string): FillSource[] {
    const { peers, tier, origin } = this.#sources;
    if (peers.length === 0 && tier === undefined) return [origin];
    const holders = peers.filter(({ id, health }) => !this.#lacks.isLacking(id, target) && health.restMs === 0);
    const near = orderForViewer(orderForKey(holders, target).map(asViewerSource)).slice(0, MAX_PEERS_ASKED);
    const far = orderForViewer([...(tier === undefined ? [] : [tier]), origin].map(asViewerSource));
    return [...near, ...far].map(({ source }) => source);
  }

  /**
   * The origin has said that a file changed: for some seconds peers are not asked for it. What they hold may be the old
   * one, and whoever begins with that is cut when he comes to what they lack.
   */
  overruled(target: string): void {
    for (const { id } of this.#sources.peers) this.#lacks.lacked(id, target);
  }

  /** The answer of the first who has one. @throws OperationalError of the last, which tells of the others. */
  async ask(request: SourceRequest): Promise<SourceResponse> {
    const failures: OperationalError[] = [];
    for (const source of this.sourcesFor(request.target)) {
      try {
        const response = await source.ask(request);
        if (source === this.#sources.origin || this.#isAnswer(response, request)) return response;
        response.discard();
      } catch (error) {
        if (!isOperational(error) || request.signal?.aborted === true) throw error;
        failures.push(error);
      }
    }
    const last = failures.at(-1);
    if (last === undefined) throw new OperationalError('SOURCE_LACKS', `nobody has ${request.target}`);
    if (failures.length === 1) throw last;
    const told = failures.map(({ code, detail }) => `${code} ${detail}`).join('; ');
    throw new OperationalError(last.code, `all ${failures.length} sources fail: ${told}`, { cause: last });
  }

  #isAnswer({ status, source }: SourceResponse, { target }: SourceRequest): boolean {
    if (source.kind === 'tier') return status < 500;
    const isContent = status === 200 || status === 206 || status === 304;
    if (!isContent) this.#lacks.lacked(source.id, target);
    return isContent;
  }
}

/** A source with what is known of it now. */
export const asViewerSource = (source: FillSource) => ({
  source,
  kind: source.kind,
  id: source.id,
  isResting: source.health.restMs > 0,
  isTrusted: source.health.isTrusted,
  recentDeaths: source.health.recentDeaths,
  firstByteMs: source.health.slowFirstByteMs,
});
