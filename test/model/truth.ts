/**
 * What the origin had and when, and therefore what an answer may be.
 *
 * A generation is what the origin had under a path between two moments. A cache may answer with it as long as the
 * origin had it, and past that for as long as the origin allowed (freshness, stale-while-revalidate, and while it fails
 * stale-if-error); after a purge has been acknowledged, only with what was there when the purge began or later.
 *
 * Two clocks, since the appliance's time is moved by a message: `early` has moved when the message leaves, `late` when
 * the appliance has heard it. An end is noted by the early one and a request begins by the late one, so that the model
 * never accuses an appliance of what the message's way explains.
 */
import { patterned } from '../appliance/support/gated-origin.ts';

const CONTENT = patterned(20 * 2 ** 20, 5);
/** How long an answer of the origin may be under way until it counts as come. */
const SLACK_MS = 2500;

export interface Generation {
  readonly path: string;
  readonly number: number;
  /** Undefined: there was nothing, and the origin answered 404. */
  readonly bytes: Buffer | undefined;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly cacheControl: string;
  /** How long past its end it may be served, without and with a failing origin. */
  readonly lingersMs: number;
  readonly lingersOnErrorMs: number;
  /** Infinity while it is what the origin has. */
  endMs: number;
}

export class Truth {
  readonly #generations = new Map<string, Generation[]>();
  readonly #purgedAtMs = new Map<string, number>();
  #skippedMs = { early: 0, late: 0 };

  get earlyMs(): number {
    return performance.now() + this.#skippedMs.early;
  }

  get lateMs(): number {
    return performance.now() + this.#skippedMs.late;
  }

  skipBegins(ms: number): void {
    this.#skippedMs.early += ms;
  }

  skipEnds(ms: number): void {
    this.#skippedMs.late += ms;
  }

  current(path: string): Generation {
    const newest = this.#generations.get(path)?.at(-1);
    if (newest === undefined) throw new Error(`${path} has no generation`);
    return newest;
  }

  /** Every generation of a path so far, the newest last. */
  generations(path: string): readonly Generation[] {
    return this.#generations.get(path) ?? [];
  }

  /** The origin has something new under a path from now on. */
  replace(
    path: string,
    what: Pick<Generation, 'etag' | 'lastModified' | 'cacheControl' | 'lingersMs' | 'lingersOnErrorMs'> & {
      /** Undefined for nothing. */
      readonly content: { readonly start: number; readonly sizeBytes: number } | undefined;
    },
  ): void {
    const all = this.#generations.get(path) ?? [];
    const { content, ...rest } = what;
    const last = all.at(-1);
    if (last !== undefined) last.endMs = this.earlyMs;
    const start = content === undefined ? 0 : Math.floor(content.start * (CONTENT.length - content.sizeBytes));
    const bytes = content === undefined ? undefined : CONTENT.subarray(start, start + content.sizeBytes);
    all.push({ ...rest, path, number: (last?.number ?? 0) + 1, bytes, endMs: Number.POSITIVE_INFINITY });
    this.#generations.set(path, all);
  }

  /** A purge that began then has been acknowledged. */
  purged(path: string, beganMs: number): void {
    this.#purgedAtMs.set(path, Math.max(beganMs, this.#purgedAtMs.get(path) ?? 0));
  }

  /** What must be kept of a request's beginning to judge its answer later. */
  moment(path: string): Moment {
    return { lateMs: this.lateMs, purgedAtMs: this.#purgedAtMs.get(path) ?? Number.NEGATIVE_INFINITY };
  }

  /** Which generations an answer may be of, to a request that began at a moment and has ended now. */
  allowed(
    path: string,
    began: Moment,
    request: { readonly noCache: boolean; readonly originMayFail: boolean },
  ): Generation[] {
    return this.generations(path).filter(({ endMs, lingersMs, lingersOnErrorMs }) => {
      if (endMs < began.purgedAtMs) return false;
      const fresh = request.noCache ? 0 : lingersMs;
      const lingers = request.originMayFail ? Math.max(fresh, lingersOnErrorMs) : fresh;
      return began.lateMs <= endMs + lingers + SLACK_MS;
    });
  }
}

export interface Moment {
  readonly lateMs: number;
  readonly purgedAtMs: number;
}
