/**
 * Content steering answered by an appliance, for when steering itself is gone.
 *
 * A player asks one host name for its order, the steering server's, and a playlist can name no second one. So nothing
 * that an appliance could do brings a player here by itself: whoever runs that name has to. Where steering stands behind
 * a proxy or an anycast address, appliances are put behind it as the last resort, and this answers what they are then
 * asked: `/v1/steering/hls` and `/v1/steering/dash`, on the listener where files are. For nginx that is
 *
 *     upstream steering { server 10.0.0.1:9090; server 10.0.0.7:8080 backup; server 10.0.0.8:8080 backup; }
 *     location /v1/steering/ { proxy_pass http://steering; proxy_next_upstream error timeout http_502 http_503; }
 *
 * with the appliances of each site behind that site's address. Who does not do that loses nothing that he had: players
 * keep the order of their manifest, which named three appliances and the origin, and fail over among those by
 * themselves; they only do not learn who drains or who came back.
 *
 * The answers keep the rules of `content-steering`: 200 whatever is asked, a long TTL, two pathways or more, and a
 * RELOAD-URI at the steering server's name, so that they end when it is back. Manifests are not rendered here: they need
 * the catalogue, and a player that has none yet is the one who can be told to come back.
 *
 * Limits: no ranking, so also no knowledge of who holds a title; a mate that lacks it fetches it. Who is lost is noticed
 * with the second question of a player after it happened.
 */

import type { HttpClient } from '../../src/client/http-client.ts';
import type { SiteSnapshot } from '../../src/contracts/site-snapshot.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import { QueryFields } from '../../src/http/query-fields.ts';
import { contentSteering, STATIC_TTL_SEC } from '../../src/steering-body/content-steering.ts';
import { parsePlayerReport } from '../../src/steering-body/player-report.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { Random, World } from '../../src/world/world.ts';
import { MateWatch } from './mate-watch.ts';
import { orderSite } from './order-site.ts';

export interface LocalSteeringOptions {
  readonly ownId: string;
  /** undefined while there is none in force. */
  readonly snapshot: () => SiteSnapshot | undefined;
  /** Whether we ourselves take new sessions. */
  readonly isServing: () => boolean;
  readonly mates: MateWatch;
  readonly random: Random;
  readonly metrics: Metrics;
}

/** @returns undefined where the operator does not want it */
export function createLocalSteering(
  config: { readonly id: string; readonly steering: string; readonly localSteering: 'on' | 'off' },
  { clock, random }: World,
  parts: Pick<LocalSteeringOptions, 'snapshot' | 'isServing' | 'metrics'> & { readonly http: HttpClient },
): LocalSteering | undefined {
  if (config.localSteering === 'off' || config.steering === '') return undefined;
  return new LocalSteering({ ...parts, ownId: config.id, random, mates: new MateWatch(parts.http, clock) });
}

export interface LocalAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const TARGET = /^\/v1\/steering\/(hls|dash)(?:\?(.*))?$/;
const MAX_QUERY_CHARS = 8192;
const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SESSION_BYTES = 12;
/** What steering has put into its URLs for itself; players add their reports in capitals and underscores. */
const OWN_PARAMETER = /^[a-z]{1,8}=[A-Za-z0-9_.,~-]{1,512}$/;

export class LocalSteering {
  readonly #options: LocalSteeringOptions;
  readonly #answers;

  constructor(options: LocalSteeringOptions) {
    this.#options = options;
    this.#answers = options.metrics.counter(
      'local_steering_answers_total',
      "Content steering answered here in steering's place. More than none: what stands in front of steering cannot reach it.",
    );
  }

  /** The answer to a request for content steering; undefined for every other, and without a snapshot. */
  answer(method: string, target: string): LocalAnswer | undefined {
    if (!target.startsWith('/v1/steering/') || (method !== 'GET' && method !== 'HEAD')) return undefined;
    const match = TARGET.exec(target);
    const snapshot = this.#options.snapshot();
    if (match === null || snapshot === undefined) return undefined;
    const { ownId, mates } = this.#options;
    if (method === 'GET') {
      this.#answers.inc();
      void mates.look(snapshot.appliances.filter(({ id }) => id !== ownId));
    }
    const format = match[1] === 'dash' ? 'dash' : 'hls';
    const body = Buffer.from(JSON.stringify(this.#body(format, match[2] ?? '', snapshot)));
    return {
      headers: {
        'Content-Type': format === 'hls' ? 'application/vnd.apple.steering-list' : 'application/json',
        'Content-Length': String(body.length),
        'Cache-Control': 'no-store',
        ...crossOriginHeaders,
      },
      body: method === 'HEAD' ? Buffer.alloc(0) : body,
    };
  }

  #body(format: 'hls' | 'dash', text: string, snapshot: SiteSnapshot): ReturnType<typeof contentSteering> {
    const { ownId, isServing, mates, random } = this.#options;
    const query = new QueryFields(text.length > MAX_QUERY_CHARS ? '' : text);
    const session = query.last('s') ?? '';
    const sessionId = SESSION_ID.test(session) ? session : random.bytes(SESSION_BYTES).toString('base64url');
    const kept = text.split('&').filter((pair) => OWN_PARAMETER.test(pair) && !pair.startsWith('s='));
    const place = [...(text.length > MAX_QUERY_CHARS ? [] : kept), `s=${sessionId}`].join('&');
    return contentSteering({
      applianceIds: orderSite(snapshot, { sessionId, reported: parsePlayerReport(query).pathways }, (id) =>
        id === ownId ? isServing() : !mates.isLost(id),
      ),
      reloadUri: `${snapshot.steeringUrl}/v1/steering/${format}?${place}`,
      ttlSec: Math.max(STATIC_TTL_SEC, snapshot.ttlSec),
      jitter: random.next(),
    });
  }
}
