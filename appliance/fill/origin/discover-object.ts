/**
 * What is there under a path: the question to the origin that begins every demand fill and every revalidation.
 *
 * Twenty viewers who ask for an unknown file at once must cost the origin one request, and each must be answered as if
 * it were alone. So the question is asked once per key; its answer becomes an object that all of them read, each its
 * own ranges, from flights that fill while they read. What cannot be shared, because the origin says so, is answered to
 * each by a request of its own; that a path is of this kind is remembered for some seconds, so that such requests do
 * not wait for each other.
 *
 * The question asks for the blocks that its first asker needs, not for the file: one byte from the middle of a cold
 * film costs the origin one block.
 */
import type { HttpResponse } from '../../../src/client/http-client.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { HeaderFields } from '../../../src/http/stored-headers.ts';
import type { World } from '../../../src/world/world.ts';
import type { Passage } from '../../purge/purge-barrier.ts';
import type { ObjectDescription } from '../../store/object-description.ts';
import { ObjectLease, type OpenObject } from '../blocks/open-object.ts';
import type { FillCoordinator, NewObject } from '../fill-coordinator.ts';
import { collectBody } from './collect-body.ts';
import {
  type AnswerFacts,
  isSameGeneration,
  keptHeaders,
  type OriginAnswer,
  readAnswer,
  renewDescription,
  renewed,
  validationHeaders,
} from './read-answer.ts';

/** What somebody wants to know, and which bytes it wants first. */
export interface Need {
  readonly key: string;
  /** HEAD asks for no bytes. */
  readonly method: 'GET' | 'HEAD';
  /** Undefined: all. `last` undefined: to the end. A suffix needs the size before it can be asked for. */
  readonly range: { readonly first: number; readonly last: number | undefined } | 'suffix' | undefined;
}

export type Discovery =
  /** Stored, or being stored, now. The lease is the asker's. */
  | { readonly kind: 'object'; readonly lease: ObjectLease; readonly originStatus: number }
  /** An answer without content of ours: a redirect, an error. Good for everybody who asked meanwhile. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers: HeaderFields; readonly body: Uint8Array }
  /** Not to be shared. `response` is for the one who gets it; the others ask for themselves. */
  | { readonly kind: 'private'; readonly response: HttpResponse | undefined };

export interface DiscoverySettings {
  readonly defaultTtlSec: number;
  readonly staleIfErrorSec: number;
  readonly blockTimeoutMs: number;
  readonly readAheadBlocks: number;
}

interface Asked {
  readonly response: HttpResponse;
  readonly abort: AbortController;
  readonly facts: AnswerFacts;
  readonly answer: OriginAnswer;
}

/** A need and, from the moment the question began, what a purge means of its answer. */
type Question = Need & { readonly passage: Passage };

/** A question on its way. */
interface Asking {
  readonly key: string;
  answer: Promise<Discovery> | undefined;
}

const PRIVATE_MEMO_MS = 10_000;
const MAX_PRIVATE_MEMOS = 10_000;
/** An answer of unknown size is kept only when its end comes soon and it is small: a playlist, not a live stream. */
const MAX_UNSIZED_BYTES = 8 * 2 ** 20;
const MAX_UNSIZED_WAIT_MS = 2000;
const MAX_STATUS_BODY_BYTES = 64 * 1024;

export class ObjectDiscovery {
  readonly #fills: FillCoordinator;
  readonly #world: World;
  readonly #settings: DiscoverySettings;
  readonly #asking = new Map<string, Asking>();
  readonly #privateUntilMs = new Map<string, number>();

  constructor(fills: FillCoordinator, world: World, settings: DiscoverySettings) {
    this.#fills = fills;
    this.#world = world;
    this.#settings = settings;
  }

  /**
   * Asks the origin, or joins who is asking already. `stale` is the object held, to be confirmed.
   * @returns with `isShared` when somebody else's question was used.
   * @throws OperationalError when the origin does not answer.
   */
  async ask(need: Need, stale?: OpenObject): Promise<{ discovery: Discovery; isShared: boolean }> {
    const name = `${need.method} ${need.key}`;
    if (this.#isPrivate(need.key)) return { discovery: { kind: 'private', response: undefined }, isShared: false };
    const joined = this.#asking.get(name);
    if (joined?.answer !== undefined) return this.#shareOf(joined.answer, true);
    const asking: Asking = { key: need.key, answer: undefined };
    this.#asking.set(name, asking);
    asking.answer = this.#discover(name, need, stale, asking);
    return this.#shareOf(asking.answer, false);
  }

  async #shareOf(
    asking: Promise<Discovery>,
    isFollower: boolean,
  ): Promise<{ discovery: Discovery; isShared: boolean }> {
    const discovery = await asking;
    if (discovery.kind === 'object') {
      // Each asker has a lease of its own; the first one's is the discovery's.
      const lease = isFollower ? new ObjectLease(discovery.lease.object) : discovery.lease;
      return { discovery: { ...discovery, lease }, isShared: isFollower };
    }
    if (discovery.kind === 'private' && isFollower) {
      return { discovery: { kind: 'private', response: undefined }, isShared: false };
    }
    return { discovery, isShared: isFollower };
  }

  /**
   * Forgets what is being asked, and what was learned, about keys that a purge may mean: who asks from now on asks anew.
   * What the answers on their way bring is stopped by their passage. @returns how many questions were on their way
   */
  purge(mayMean: (key: string) => boolean): number {
    for (const key of this.#privateUntilMs.keys()) if (mayMean(key)) this.#privateUntilMs.delete(key);
    let questions = 0;
    for (const [name, { key }] of this.#asking) {
      if (!mayMean(key)) continue;
      this.#asking.delete(name);
      questions += 1;
    }
    return questions;
  }

  async #discover(name: string, need: Need, stale: OpenObject | undefined, asking: Asking): Promise<Discovery> {
    using passage = this.#fills.purges.enter();
    stale?.retain();
    try {
      return await this.#resolve({ ...need, passage }, stale);
    } finally {
      stale?.release();
      if (this.#asking.get(name) === asking) this.#asking.delete(name);
    }
  }

  async #resolve(need: Question, stale: OpenObject | undefined): Promise<Discovery> {
    if (need.method === 'HEAD') return this.#conclude(need, stale, await this.#request(need, stale, 'HEAD'));
    if (need.range !== 'suffix') return this.#conclude(need, stale, await this.#request(need, stale, 'GET'));
    const head = await this.#request(need, stale, 'HEAD');
    const isKnown = head.answer.kind === 'not-modified' || isFillable(head.answer);
    if (isKnown) return this.#conclude({ ...need, method: 'HEAD' }, stale, head);
    head.response.discard();
    // The first block tells the size where HEAD does not.
    const firstBlock: Question = { ...need, range: { first: 0, last: 0 } };
    return this.#conclude(firstBlock, stale, await this.#request(firstBlock, stale, 'GET'));
  }

  async #request(need: Question, stale: OpenObject | undefined, method: 'GET' | 'HEAD'): Promise<Asked> {
    const range = method === 'HEAD' || need.range === 'suffix' ? undefined : this.#blocksOf(need.range);
    const headers = stale === undefined ? {} : validationHeaders(stale.description);
    const requestTimeMs = this.#world.clock.nowMs();
    const abort = new AbortController();
    const send = (): Promise<HttpResponse> =>
      this.#fills.origin.ask({
        target: need.key,
        method,
        headers,
        signal: abort.signal,
        ...(range === undefined ? {} : { range }),
      });
    const response = await send().catch((error: unknown) => {
      // The origin closed a kept connection as we took it; a new one is asked once.
      if (isOperational(error, 'SOURCE_TRUNCATED')) return send();
      throw error;
    });
    const facts: AnswerFacts = {
      key: need.key,
      status: response.status,
      headers: response.headers,
      requestTimeMs,
      responseTimeMs: this.#world.clock.nowMs(),
      askedRange: range !== undefined,
    };
    return { response, abort, facts, answer: readAnswer(facts, this.#policy()) };
  }

  async #conclude(need: Question, stale: OpenObject | undefined, asked: Asked): Promise<Discovery> {
    const { answer, response, facts } = asked;
    switch (answer.kind) {
      case 'not-modified': {
        response.discard();
        const description =
          stale === undefined ? undefined : renewDescription(stale.description, facts, this.#policy());
        if (stale === undefined || description === undefined) return this.#askAnew(need, stale, response.status);
        stale.stored.describe(description);
        return { kind: 'object', lease: new ObjectLease(stale), originStatus: response.status };
      }
      case 'representation':
        return this.#takeObject(need, stale, asked, answer);
      case 'unsized':
        return this.#takeUnsized(need, asked, answer.describe);
      case 'unsatisfied':
        response.discard();
        // The file is shorter than the range; who asks must be told how short, by the rules for a known object.
        return this.#resolveUnsatisfied(need, response);
      case 'lone-part':
        response.discard();
        return this.#resolve({ ...need, range: undefined }, undefined);
      case 'private':
        this.#rememberPrivate(need.key);
        // What varies was asked for without the viewer's own preferences.
        if (facts.askedRange || need.method === 'HEAD' || answer.reason === 'vary') {
          response.discard();
          return { kind: 'private', response: undefined };
        }
        return { kind: 'private', response };
      case 'status':
        return this.#takeStatus(need, response);
      case 'broken':
        response.discard();
        throw new OperationalError('SOURCE_PROTOCOL', `${this.#fills.origin.id}${need.key}: ${answer.detail}`);
    }
  }

  #takeObject(
    need: Question,
    stale: OpenObject | undefined,
    asked: Asked,
    answer: OriginAnswer & { kind: 'representation' },
  ): Discovery {
    const { response, facts, abort } = asked;
    const isHead = need.method === 'HEAD';
    const askedFirst = need.range === 'suffix' ? undefined : this.#blocksOf(need.range)?.first;
    if (facts.status === 206 && answer.first !== askedFirst) {
      response.discard();
      const where = `${this.#fills.origin.id}${need.key}`;
      throw new OperationalError('SOURCE_PROTOCOL', `${where}: asked for ${askedFirst}-, got ${answer.first}-`);
    }
    if (
      stale !== undefined &&
      stale.description.sizeBytes === answer.description.sizeBytes &&
      isSameGeneration(stale.description, facts.headers)
    ) {
      response.discard();
      stale.stored.describe(renewed(stale.description, facts, this.#policy()));
      return { kind: 'object', lease: new ObjectLease(stale), originStatus: response.status };
    }
    if (isHead) response.discard();
    // Nothing could be filled under such a head later; it is good for this answer only.
    if (isHead && !isFillable(answer)) return headAnswer(response);
    const lease = this.#begin(need, response, {
      description: answer.description,
      fillsByRange: answer.fillsByRange,
      body: isHead
        ? undefined
        : {
            source: this.#fills.origin,
            body: response.body,
            startByte: answer.first,
            endByte: answer.last + 1,
            abort,
          },
      wanted: this.#wantedBlocks(need, answer.first),
    });
    return { kind: 'object', lease, originStatus: response.status };
  }

  async #takeUnsized(
    need: Question,
    asked: Asked,
    describe: (sizeBytes: number) => ObjectDescription,
  ): Promise<Discovery> {
    const { response } = asked;
    if (need.method === 'HEAD') {
      response.discard();
      return headAnswer(response);
    }
    const collected = await collectBody(response.body, {
      maxBytes: MAX_UNSIZED_BYTES,
      maxWaitMs: MAX_UNSIZED_WAIT_MS,
      clock: this.#world.clock,
    });
    if (collected.kind === 'open') {
      this.#rememberPrivate(need.key);
      return { kind: 'private', response: { ...response, body: collected.body } };
    }
    const description = describe(collected.bytes.length);
    const lease = this.#begin(need, response, {
      description,
      fillsByRange: false,
      body: {
        source: this.#fills.origin,
        body: onePiece(collected.bytes),
        startByte: 0,
        endByte: collected.bytes.length,
        abort: new AbortController(),
      },
      wanted: { firstBlock: 0, lastBlock: 0 },
    });
    return { kind: 'object', lease, originStatus: response.status };
  }

  async #takeStatus(need: Question, response: HttpResponse): Promise<Discovery> {
    const { status } = response;
    if (status === 404 || status === 410) this.#fills.drop(need.key);
    const headers = keptHeaders(response.headers);
    if (need.method === 'HEAD') {
      response.discard();
      return { kind: 'answer', status, headers, body: new Uint8Array() };
    }
    const collected = await collectBody(response.body, {
      maxBytes: MAX_STATUS_BODY_BYTES,
      maxWaitMs: this.#settings.blockTimeoutMs,
      clock: this.#world.clock,
    });
    if (collected.kind === 'open') return { kind: 'private', response: { ...response, body: collected.body } };
    return { kind: 'answer', status, headers, body: collected.bytes };
  }

  async #resolveUnsatisfied(need: Question, response: HttpResponse): Promise<Discovery> {
    const head = await this.#request(need, undefined, 'HEAD');
    if (isFillable(head.answer)) return this.#conclude({ ...need, method: 'HEAD' }, undefined, head);
    head.response.discard();
    const contentRange = response.headers['content-range'];
    const headers = {
      ...keptHeaders(response.headers),
      ...(contentRange === undefined ? {} : { 'content-range': contentRange }),
    };
    return { kind: 'answer', status: 416, headers, body: new Uint8Array() };
  }

  /** A 304 that speaks of something else than what is held, or of nothing that was asked. */
  #askAnew(need: Question, stale: OpenObject | undefined, status: number): Promise<Discovery> {
    if (stale === undefined)
      throw new OperationalError('SOURCE_PROTOCOL', `${need.key}: ${status} without a condition`);
    return this.#resolve(need, undefined);
  }

  #begin({ passage }: Question, response: HttpResponse, fresh: NewObject): ObjectLease {
    try {
      return this.#fills.begin({ ...fresh, passage });
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  /** The range in whole blocks, and not further than fills run ahead: what follows is asked for when it is read. */
  #blocksOf(
    range: { first: number; last: number | undefined } | undefined,
  ): { first: number; last: number } | undefined {
    if (range === undefined) return undefined;
    const firstBlock = Math.floor(range.first / BLOCK_BYTES);
    const horizon = firstBlock + this.#settings.readAheadBlocks;
    const lastBlock = range.last === undefined ? horizon : Math.min(Math.floor(range.last / BLOCK_BYTES), horizon);
    return { first: firstBlock * BLOCK_BYTES, last: (lastBlock + 1) * BLOCK_BYTES - 1 };
  }

  #wantedBlocks(need: Need, firstByte: number): { firstBlock: number; lastBlock: number } {
    const firstBlock = Math.floor(firstByte / BLOCK_BYTES);
    const asked = need.range === 'suffix' ? undefined : this.#blocksOf(need.range);
    const lastByte = asked?.last ?? firstByte + (this.#settings.readAheadBlocks + 1) * BLOCK_BYTES - 1;
    return { firstBlock, lastBlock: Math.floor(lastByte / BLOCK_BYTES) };
  }

  #policy(): Parameters<typeof readAnswer>[1] {
    return {
      defaultTtlMs: this.#settings.defaultTtlSec * 1000,
      staleIfErrorMs: this.#settings.staleIfErrorSec * 1000,
      fallbackTag: `u-${this.#world.random.uuid()}`,
    };
  }

  #isPrivate(key: string): boolean {
    const untilMs = this.#privateUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#world.clock.monotonicMs() < untilMs) return true;
    this.#privateUntilMs.delete(key);
    return false;
  }

  #rememberPrivate(key: string): void {
    if (this.#privateUntilMs.size >= MAX_PRIVATE_MEMOS) {
      const [oldest] = this.#privateUntilMs.keys();
      if (oldest !== undefined) this.#privateUntilMs.delete(oldest);
    }
    this.#privateUntilMs.set(key, this.#world.clock.monotonicMs() + PRIVATE_MEMO_MS);
  }
}

/** Whether an object can be begun from a head alone. */
const isFillable = (answer: OriginAnswer): boolean =>
  answer.kind === 'representation' && (answer.fillsByRange || answer.description.sizeBytes === 0);

function headAnswer({ status, headers }: HttpResponse): Discovery {
  const length = headers['content-length'];
  const kept = { ...keptHeaders(headers), ...(length === undefined ? {} : { 'content-length': length }) };
  return { kind: 'answer', status, headers: kept, body: new Uint8Array() };
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
