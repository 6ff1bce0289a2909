import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import type { HeaderFields } from '../../../src/http/stored-headers.ts';
import type { RequestField } from '../../../src/http/vary.ts';
import type { Clock, World } from '../../../src/world/world.ts';
import type { Passage } from '../../purge/purge-barrier.ts';
import type { OpenObject } from '../blocks/open-object.ts';
import type { FillSource, SourceResponse } from '../fill-source.ts';
import { type AnswerFacts, type OriginAnswer, readAnswer, type StoragePolicy } from './read-answer.ts';

/** What somebody wants to know, and which bytes it wants first. */
export interface Need {
  readonly key: string;
  /** HEAD asks for no bytes. */
  readonly method: 'GET' | 'HEAD';
  /** Undefined: all. `last` undefined: to the end. A suffix needs the size before it can be asked for. */
  readonly range: { readonly first: number; readonly last: number | undefined } | 'suffix' | undefined;
  /** Fields of the request that go along with a question whose answer several get. */
  readonly headers: HeaderFields;
  /** All fields of the request, to tell which of several answers it gets. */
  readonly field: RequestField;
}

/** One question, with what it goes by. */
export interface Question extends Need {
  /** What is purged after it began is not to be had by its answer. */
  readonly passage: Passage;
  /** The object held for the request, to be confirmed. */
  readonly held: OpenObject | undefined;
  /** Objects that a 304 may speak of: the one held, and others of the key. */
  readonly candidates: readonly OpenObject[];
}

/** The origin's answer: its head is read, its body is not. */
export interface Asked {
  readonly response: SourceResponse;
  readonly abort: AbortController;
  readonly facts: AnswerFacts;
  readonly answer: OriginAnswer;
}

export interface QuestionSettings {
  readonly defaultTtlSec: number;
  readonly negativeTtlSec: number;
  readonly failureTtlSec: number;
  readonly staleIfErrorSec: number;
  readonly readAheadBlocks: number;
}

/** Puts questions to the origin: which bytes to ask for, under which conditions. */
export class OriginDesk {
  readonly #origin: FillSource;
  readonly #world: World;
  readonly #settings: QuestionSettings;

  constructor(origin: FillSource, world: World, settings: QuestionSettings) {
    this.#origin = origin;
    this.#world = world;
    this.#settings = settings;
  }

  get clock(): Clock {
    return this.#world.clock;
  }

  /** @throws OperationalError when the origin does not answer. */
  async ask(question: Question, method: 'GET' | 'HEAD'): Promise<Asked> {
    const range = method === 'HEAD' || question.range === 'suffix' ? undefined : this.blocksOf(question.range);
    const requestTimeMs = this.#world.clock.nowMs();
    const abort = new AbortController();
    const send = (): Promise<SourceResponse> =>
      this.#origin.ask({
        target: question.key,
        method,
        headers: { ...question.headers, ...conditionsOf(question) },
        signal: abort.signal,
        ...(range === undefined ? {} : { range }),
      });
    const response = await send().catch((error: unknown) => {
      // The origin closed a kept connection as we took it; a new one is asked once.
      if (isOperational(error, 'SOURCE_TRUNCATED')) return send();
      throw error;
    });
    const facts: AnswerFacts = {
      key: question.key,
      status: response.status,
      headers: response.headers,
      requestTimeMs,
      responseTimeMs: this.#world.clock.nowMs(),
      askedRange: range !== undefined,
    };
    return { response, abort, facts, answer: readAnswer(facts, this.policy()) };
  }

  /** The range in whole blocks, and not further than fills run ahead: what follows is asked for when it is read. */
  blocksOf(
    range: { first: number; last: number | undefined } | undefined,
  ): { first: number; last: number } | undefined {
    if (range === undefined) return undefined;
    const firstBlock = Math.floor(range.first / BLOCK_BYTES);
    const horizon = firstBlock + this.#settings.readAheadBlocks;
    const lastBlock = range.last === undefined ? horizon : Math.min(Math.floor(range.last / BLOCK_BYTES), horizon);
    return { first: firstBlock * BLOCK_BYTES, last: (lastBlock + 1) * BLOCK_BYTES - 1 };
  }

  /** The blocks that a question is about, when its answer begins at `firstByte`. */
  wantedBlocks({ range }: Need, firstByte: number): { firstBlock: number; lastBlock: number } {
    const firstBlock = Math.floor(firstByte / BLOCK_BYTES);
    const asked = range === 'suffix' ? undefined : this.blocksOf(range);
    const lastByte = asked?.last ?? firstByte + (this.#settings.readAheadBlocks + 1) * BLOCK_BYTES - 1;
    return { firstBlock, lastBlock: Math.floor(lastByte / BLOCK_BYTES) };
  }

  policy(): StoragePolicy {
    return {
      defaultTtlMs: this.#settings.defaultTtlSec * 1000,
      negativeTtlMs: this.#settings.negativeTtlSec * 1000,
      failureTtlMs: this.#settings.failureTtlSec * 1000,
      staleIfErrorMs: this.#settings.staleIfErrorSec * 1000,
      fallbackTag: `u-${this.#world.random.uuid()}`,
    };
  }
}

/** Asks for a 304 by every tag that is held of the key (RFC 9111 section 4.3.1), else by the date of the one held. */
function conditionsOf({ held, candidates }: Question): HeaderFields {
  const tags = candidates.map(({ description }) => description.headers['etag']).filter((tag) => tag !== undefined);
  if (tags.length > 0) return { 'if-none-match': [...new Set(tags)].join(', ') };
  const lastModified = held?.description.headers['last-modified'];
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}
