/**
 * What becomes of an answer of the origin: an object, a renewed one, an answer to remember, or a body for one client.
 * `readAnswer` has judged it; this file puts the judgement into deeds, each of which passes the purges first.
 */
import type { HttpResponse } from '../../../src/client/http-client.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { selectedBy } from '../../../src/http/vary.ts';
import { ObjectLease, type OpenObject } from '../blocks/open-object.ts';
import type { FillCoordinator } from '../fill-coordinator.ts';
import type { NewObject } from '../run/fill-run.ts';
import type { AnswerMemory } from './answer-memory.ts';
import { collectBody } from './collect-body.ts';
import type { Discovery, Growth } from './discovery.ts';
import { GrowingBody, GrowthRoom } from './growing-body.ts';
import type { Asked, OriginDesk, Question } from './question.ts';
import { isSameGeneration, keptHeaders, type OriginAnswer, renewDescription, renewed } from './read-answer.ts';
import type { Place, VariantIndex } from './variant-index.ts';

export interface TakerOptions {
  readonly fills: FillCoordinator;
  readonly desk: OriginDesk;
  readonly variants: VariantIndex;
  readonly answers: AnswerMemory;
  /** Told of a key whose answers are not to be shared. */
  readonly onPrivate: (key: string) => void;
  /** Told of a body that can be read while it grows, and when it has ended. */
  readonly onGrowing: (key: string, growth: Growth) => void;
  readonly onGrown: (key: string, growth: Growth) => void;
  readonly blockTimeoutMs: number;
  /** For all bodies together whose length is not known. */
  readonly growthBytes: number;
}

/** What is longer, and does not say so, is handed on and not stored: a playlist or a segment is not. */
const MAX_UNSIZED_BYTES = 8 * 2 ** 20;
const MAX_STATUS_BODY_BYTES = 64 * 1024;
/** For a representation that must be asked for again: without its parts, or without conditions. */
const MAX_QUESTIONS = 4;

export class AnswerTaker {
  readonly #options: TakerOptions;
  readonly #room: GrowthRoom;

  constructor(options: TakerOptions) {
    this.#options = options;
    this.#room = new GrowthRoom(Math.max(options.growthBytes, MAX_UNSIZED_BYTES));
  }

  /** Asks what is needed to answer the question, and takes the answers. @throws OperationalError */
  async resolve(question: Question, questionsLeft = MAX_QUESTIONS): Promise<Discovery> {
    if (questionsLeft === 0)
      throw new OperationalError('SOURCE_PROTOCOL', `${this.#where(question)}: no end of answers`);
    const { desk } = this.#options;
    if (question.range !== 'suffix') {
      return this.#take(question, await desk.ask(question, question.method), questionsLeft);
    }
    const head = await desk.ask(question, 'HEAD');
    const isKnown = head.answer.kind === 'not-modified' || isFillable(head.answer);
    if (isKnown) return this.#take({ ...question, method: 'HEAD' }, head, questionsLeft);
    head.response.discard();
    // The first block tells the size where HEAD does not.
    const firstBlock: Question = { ...question, range: { first: 0, last: 0 } };
    return this.#take(firstBlock, await desk.ask(firstBlock, 'GET'), questionsLeft);
  }

  async #take(question: Question, asked: Asked, questionsLeft: number): Promise<Discovery> {
    const { answer, response } = asked;
    const askAgain = (changes: Partial<Question>): Promise<Discovery> =>
      this.resolve({ ...question, held: undefined, candidates: [], ...changes }, questionsLeft - 1);
    switch (answer.kind) {
      case 'not-modified':
        response.discard();
        return this.#takeConfirmation(question, asked) ?? this.#askAnew(question, response.status, askAgain);
      case 'representation':
        return this.#takeObject(question, asked, answer);
      case 'unsized':
        return this.#takeUnsized(question, asked, answer);
      case 'unsatisfied':
        response.discard();
        // The file is shorter than the range; who asks must be told how short, by the rules for a known object.
        return this.#takeUnsatisfied(question, response);
      case 'lone-part':
        response.discard();
        return askAgain({ range: undefined });
      case 'private':
        return this.#takePrivate(question, asked);
      case 'status':
        return this.#takeStatus(question, response, answer);
      case 'broken':
        response.discard();
        throw new OperationalError('SOURCE_PROTOCOL', `${this.#where(question)}: ${answer.detail}`);
    }
  }

  /** The object that a 304 speaks of, renewed (RFC 9111 section 4.3.4); undefined when it speaks of none of ours. */
  #takeConfirmation(question: Question, { facts, response }: Asked): Discovery | undefined {
    const { candidates, held } = question;
    const isNamed = facts.headers['etag'] !== undefined || facts.headers['last-modified'] !== undefined;
    for (const object of candidates) {
      // What names nothing can only speak of what alone was asked about.
      if (!isNamed && (object !== held || candidates.length > 1)) continue;
      const description = renewDescription(object.description, facts, this.#options.desk.policy());
      if (description === undefined) continue;
      object.stored.describe(description);
      return this.#confirmed(question, object, response.status);
    }
    return undefined;
  }

  /** The object is what the origin would send for this request, too. */
  #confirmed(question: Question, object: OpenObject, originStatus: number): Discovery {
    const lease = new ObjectLease(object);
    const names = Object.keys(object.description.selectedBy ?? {});
    const by = selectedBy(names, question.field) ?? object.description.selectedBy ?? {};
    if (names.length > 0) {
      this.#options.variants.enrol(question.key, { selectedBy: by, storeKey: object.key });
    }
    return { kind: 'object', lease, originStatus, selectedBy: by };
  }

  #takeObject(question: Question, asked: Asked, answer: OriginAnswer & { kind: 'representation' }): Discovery {
    const { response, facts, abort } = asked;
    const { held } = question;
    const { desk } = this.#options;
    const isHead = question.method === 'HEAD';
    const askedFirst = question.range === 'suffix' ? undefined : desk.blocksOf(question.range)?.first;
    if (facts.status === 206 && answer.first !== askedFirst) {
      response.discard();
      const detail = `asked for ${askedFirst}-, got ${answer.first}-`;
      throw new OperationalError('SOURCE_PROTOCOL', `${this.#where(question)}: ${detail}`);
    }
    if (
      held?.description.sizeBytes === answer.description.sizeBytes &&
      isSameGeneration(held.description, facts.headers)
    ) {
      response.discard();
      held.stored.describe(renewed(held.description, facts, desk.policy()));
      return this.#confirmed(question, held, response.status);
    }
    if (isHead) response.discard();
    // Nothing could be filled under such a head later; it is good for this answer only.
    if (isHead && !isFillable(answer)) return this.#takeHead(question, asked);
    const place = this.#placeOf(question, answer.varyOn);
    if (place === undefined) return this.#takePrivate(question, asked);
    const lease = this.#begin(question, place, response, {
      description: { ...answer.description, ...place },
      fillsByRange: answer.fillsByRange,
      body: isHead
        ? undefined
        : {
            source: response.source,
            body: response.body,
            startByte: answer.first,
            endByte: answer.last + 1,
            abort,
            contentDigest: response.headers['content-digest'],
            discard: () => response.discard(),
          },
      wanted: desk.wantedBlocks(question, answer.first),
    });
    return { kind: 'object', lease, originStatus: response.status, selectedBy: place.selectedBy ?? {} };
  }

  /** A head that no object can be begun from. If it shows that what is held is another, that is stale (RFC 9111 4.3.5). */
  #takeHead({ held }: Question, { response, facts }: Asked): Discovery {
    if (held !== undefined && !isSameGeneration(held.description, facts.headers)) {
      held.stored.describe({ ...held.description, freshnessMs: 0 });
    }
    const { status, headers } = response;
    const length = headers['content-length'];
    const kept = { ...keptHeaders(headers), ...(length === undefined ? {} : { 'content-length': length }) };
    return { kind: 'answer', status, headers: kept, body: new Uint8Array(), selectedBy: {} };
  }

  #takeUnsized(question: Question, asked: Asked, answer: OriginAnswer & { kind: 'unsized' }): Discovery {
    const { response, facts } = asked;
    const { desk } = this.#options;
    const { held } = question;
    if (question.method === 'HEAD') {
      response.discard();
      if (held === undefined || !isSameGeneration(held.description, facts.headers))
        return this.#takeHead(question, asked);
      held.stored.describe(renewed(held.description, facts, desk.policy()));
      return this.#confirmed(question, held, response.status);
    }
    const place = this.#placeOf(question, answer.varyOn);
    if (place === undefined) return this.#takePrivate(question, asked);
    const by = place.selectedBy ?? {};
    const growth: Growth = {
      description: { ...answer.describe(0), ...place },
      selectedBy: by,
      body: new GrowingBody(this.#where(question), {
        maxBytes: MAX_UNSIZED_BYTES,
        room: this.#room,
        unreadMs: this.#options.blockTimeoutMs,
        clock: desk.clock,
      }),
    };
    this.#options.onGrowing(question.key, growth);
    // The question's own passage ends with its answer, and a purge may come while the body does.
    const passage = this.#options.fills.purges.enter();
    void growth.body.grow(response.body).then((bytes) => {
      this.#options.onGrown(question.key, growth);
      if (bytes !== undefined)
        this.#store({ ...question, passage }, place, asked, answer.describe(bytes.length), bytes);
      passage[Symbol.dispose]();
    });
    return { kind: 'growing', growth, originStatus: response.status, selectedBy: by };
  }

  /** What grew has ended, and becomes an object like any other. */
  #store(
    question: Question,
    place: Place,
    { response }: Asked,
    description: ReturnType<(OriginAnswer & { kind: 'unsized' })['describe']>,
    bytes: Uint8Array,
  ): void {
    const body = {
      source: response.source,
      body: onePiece(bytes),
      startByte: 0,
      endByte: bytes.length,
      abort: new AbortController(),
    };
    try {
      const wanted = { firstBlock: 0, lastBlock: 0 };
      const fresh = { description: { ...description, ...place }, fillsByRange: false, body, wanted };
      this.#begin(question, place, response, fresh)[Symbol.dispose]();
    } catch (error) {
      // Purged while it came: who reads it has it, and nobody else will.
      if (!isOperational(error)) throw error;
    }
  }

  async #takeStatus(
    question: Question,
    response: HttpResponse,
    answer: OriginAnswer & { kind: 'status' },
  ): Promise<Discovery> {
    const { answers } = this.#options;
    const { status } = response;
    const headers = keptHeaders(response.headers);
    const by = selectedBy(answer.varyOn, question.field);
    if (by === undefined) return { kind: 'private', response };
    if (question.method === 'HEAD') {
      response.discard();
      return { kind: 'answer', status, headers, body: new Uint8Array(), selectedBy: by };
    }
    const collected = await collectBody(response.body, {
      maxBytes: MAX_STATUS_BODY_BYTES,
      maxWaitMs: this.#options.blockTimeoutMs,
      clock: this.#options.desk.clock,
    });
    // The origin has taken it back, or has something else in its place. A failure is no such thing.
    const isGone = status === 404 || status === 410 || (answer.kept !== undefined && status < 400);
    if (isGone && question.held !== undefined) this.#options.fills.drop(question.held.key);
    if (collected.kind === 'open') return { kind: 'private', response: { ...response, body: collected.body } };
    const known = { status, headers, body: collected.bytes, selectedBy: by };
    if (answer.kept !== undefined && !question.passage.isOutdated({ key: question.key, headers })) {
      answers.put(question.key, { ...known, ...answer.kept });
    }
    return { kind: 'answer', ...known, kept: answer.kept };
  }

  async #takeUnsatisfied(question: Question, response: HttpResponse): Promise<Discovery> {
    const unconditional: Question = { ...question, held: undefined, candidates: [] };
    const head = await this.#options.desk.ask(unconditional, 'HEAD');
    if (head.answer.kind === 'representation' && isFillable(head.answer)) {
      return this.#takeObject({ ...unconditional, method: 'HEAD' }, head, head.answer);
    }
    head.response.discard();
    const contentRange = response.headers['content-range'];
    const headers = {
      ...keptHeaders(response.headers),
      ...(contentRange === undefined ? {} : { 'content-range': contentRange }),
    };
    return { kind: 'answer', status: 416, headers, body: new Uint8Array(), selectedBy: {} };
  }

  /** Not to be shared. The answer itself is good for its asker, unless only a part or a head was asked for. */
  #takePrivate(question: Question, { response, facts }: Asked): Discovery {
    this.#options.onPrivate(question.key);
    if (!facts.askedRange && question.method === 'GET') return { kind: 'private', response };
    response.discard();
    return { kind: 'private', response: undefined };
  }

  #askAnew(
    question: Question,
    status: number,
    askAgain: (changes: Partial<Question>) => Promise<Discovery>,
  ): Promise<Discovery> {
    if (question.candidates.length > 0) return askAgain({});
    throw new OperationalError('SOURCE_PROTOCOL', `${this.#where(question)}: ${status} without a condition`);
  }

  #placeOf(question: Question, varyOn: readonly string[]): Place | undefined {
    return this.#options.variants.place(question.key, varyOn, question.field);
  }

  #begin({ key, passage }: Question, place: Place, response: HttpResponse, fresh: NewObject): ObjectLease {
    const { fills, variants } = this.#options;
    try {
      return variants.begin(key, place, () => fills.begin({ ...fresh, passage }));
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  #where({ key }: { readonly key: string }): string {
    return `${this.#options.fills.origin.id}${key}`;
  }
}

/** Whether an object can be begun from a head alone. */
const isFillable = (answer: OriginAnswer): boolean =>
  answer.kind === 'representation' && (answer.fillsByRange || answer.description.sizeBytes === 0);

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
