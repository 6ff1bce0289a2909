/**
 * What is there under a path: the question to the origin that begins every demand fill and every revalidation.
 *
 * Twenty viewers who ask for an unknown file at once must cost the origin one request, and each must be answered as if
 * it were alone. So the question is asked once per key; its answer becomes an object that all of them read, each its
 * own ranges, from flights that fill while they read. What cannot be shared, because the origin says so, is answered to
 * each by a request of its own; that a path is of this kind is remembered for some seconds, so that such requests do
 * not wait for each other.
 *
 * An answer may be for some requests only (Vary), and nobody knows before it is here. So all join the first question;
 * those whom its answer does not fit ask again, one question for each of the choices that the answer spoke of. Where
 * objects of a key are known already, the choices are told apart from the start.
 *
 * The question asks for the blocks that its first asker needs, not for the file: one byte from the middle of a cold
 * film costs the origin one block.
 */
import { isSelected, type RequestField, selectionName } from '../../../src/http/vary.ts';
import type { World } from '../../../src/world/world.ts';
import { ObjectLease } from '../blocks/open-object.ts';
import type { FillCoordinator } from '../fill-coordinator.ts';
import { AnswerMemory, type KeptAnswer } from './answer-memory.ts';
import type { Discovery, Growth } from './discovery.ts';
import { KeyMemo } from './key-memo.ts';
import { type Need, OriginDesk, type QuestionSettings } from './question.ts';
import { AnswerTaker } from './take-answer.ts';
import { type Held, VariantIndex } from './variant-index.ts';
import { lastNames } from './variant-list.ts';

export interface DiscoverySettings extends QuestionSettings {
  readonly blockTimeoutMs: number;
  readonly memoryBytes: number;
  readonly maxVariants: number;
}

/** An answer to one of those who asked. */
export interface Answered {
  readonly discovery: Discovery;
  /** Whether somebody else's question was used. */
  readonly isShared: boolean;
}

/** A question on its way. */
interface Asking {
  readonly key: string;
  answer: Promise<Discovery> | undefined;
}

const PRIVATE_MEMO_MS = 10_000;
/** Of the memory for content, what bodies of unknown length may take while they come. */
const GROWTH_SHARE = 4;
/** How often an answer may turn out to be for others before one's own request is made. */
const MAX_ROUNDS = 3;

export class ObjectDiscovery {
  readonly #fills: FillCoordinator;
  readonly #settings: DiscoverySettings;
  readonly #nowMs: () => number;
  readonly #variants: VariantIndex;
  readonly #taker: AnswerTaker;
  readonly #answers = new AnswerMemory();
  readonly #asking = new Map<string, Asking>();
  readonly #growing = new Map<string, readonly Growth[]>();
  readonly #private: KeyMemo;
  readonly #failing: KeyMemo;

  constructor(fills: FillCoordinator, world: World, settings: DiscoverySettings) {
    const { clock, random } = world;
    this.#fills = fills;
    this.#settings = settings;
    this.#nowMs = () => clock.nowMs();
    this.#private = new KeyMemo(clock);
    this.#failing = new KeyMemo(clock);
    const { maxVariants, blockTimeoutMs, memoryBytes } = settings;
    this.#variants = new VariantIndex(fills, { random, maxVariants, nowMs: this.#nowMs });
    this.#taker = new AnswerTaker({
      fills,
      desk: new OriginDesk(fills.upstream, world, settings),
      variants: this.#variants,
      answers: this.#answers,
      onPrivate: (key) => this.#private.remember(key, PRIVATE_MEMO_MS),
      onGrowing: (key, growth) => this.#growing.set(key, [growth, ...(this.#growing.get(key) ?? [])]),
      onGrown: (key, growth) => this.#forgetGrowth(key, growth),
      blockTimeoutMs,
      growthBytes: memoryBytes / GROWTH_SHARE,
    });
  }

  /** What is held for a request, fresh or not. */
  find(need: { readonly key: string; readonly field: RequestField }): Held {
    return this.#variants.find(need.key, need.field);
  }

  /** An answer without content that still counts. */
  recall(need: Need): KeptAnswer | undefined {
    return this.#answers.find(need.key, need.field, this.#nowMs());
  }

  /** A body that is coming in now, and that the request may read from its start. */
  findGrowing(need: Need): Growth | undefined {
    const growing = this.#growing.get(need.key);
    return growing?.find(({ body, selectedBy }) => body.isJoinable && isSelected(selectedBy, need.field));
  }

  /** The origin failed to confirm what is held under the key: for a short while it is not asked that again. */
  noteFailure(key: string): void {
    this.#failing.remember(key, this.#settings.failureTtlSec * 1000);
  }

  /** Whether the origin failed to confirm what is held under the key a moment ago. */
  isFailing(key: string): boolean {
    return this.#failing.has(key);
  }

  /**
   * Asks the origin, or joins who is asking already. `held` is what `find` gave, to be confirmed; it stays the caller's.
   * @throws OperationalError when the origin does not answer.
   */
  async ask(need: Need, held: Held): Promise<Answered> {
    let names = lastNames(held.variants);
    for (let round = 1; round <= MAX_ROUNDS && !this.#private.has(need.key); round += 1) {
      const name = `${need.method} ${need.key} ${selectionName(names, need.field)}`;
      const joined = this.#asking.get(name)?.answer;
      const discovery = await (joined ?? this.#begin(name, need, held));
      if (joined === undefined) return { discovery, isShared: false };
      if (discovery.kind === 'private') break;
      if (isSelected(discovery.selectedBy, need.field)) return this.#shareOf(discovery);
      names = Object.keys(discovery.selectedBy);
    }
    return { discovery: { kind: 'private', response: undefined }, isShared: false };
  }

  /**
   * Forgets what is being asked, and what was learned, about keys that a purge may mean: who asks from now on asks anew.
   * What the answers on their way bring is stopped by their passage. @returns how many questions were on their way
   */
  purge(mayMean: (key: string) => boolean): number {
    this.#private.forgetWhere(mayMean);
    this.#failing.forgetWhere(mayMean);
    this.#answers.forgetWhere(({ key }) => mayMean(key));
    for (const key of this.#growing.keys()) if (mayMean(key)) this.#growing.delete(key);
    let questions = 0;
    for (const [name, { key }] of this.#asking) {
      if (!mayMean(key)) continue;
      this.#asking.delete(name);
      questions += 1;
    }
    return questions;
  }

  #begin(name: string, need: Need, held: Held): Promise<Discovery> {
    const asking: Asking = { key: need.key, answer: undefined };
    this.#asking.set(name, asking);
    asking.answer = this.#discover(name, need, held, asking);
    return asking.answer;
  }

  async #discover(name: string, need: Need, held: Held, asking: Asking): Promise<Discovery> {
    using passage = this.#fills.purges.enter();
    const object = held.lease?.object;
    const own = object === undefined ? undefined : new ObjectLease(object);
    const others = this.#variants.candidates(object, held.variants);
    const candidates = [...(own === undefined ? [] : [own]), ...others].map((lease) => lease.object);
    try {
      return await this.#taker.resolve({ ...need, passage, held: object, candidates });
    } finally {
      own?.[Symbol.dispose]();
      for (const lease of others) lease[Symbol.dispose]();
      if (this.#asking.get(name) === asking) this.#asking.delete(name);
    }
  }

  /** Each asker has a lease of its own; the first one's is the discovery's. */
  #shareOf(discovery: Discovery): Answered {
    if (discovery.kind === 'object') {
      return { discovery: { ...discovery, lease: new ObjectLease(discovery.lease.object) }, isShared: true };
    }
    const isOver = discovery.kind === 'growing' && !discovery.growth.body.isJoinable;
    return { discovery: isOver ? { kind: 'private', response: undefined } : discovery, isShared: !isOver };
  }

  #forgetGrowth(key: string, growth: Growth): void {
    const rest = this.#growing.get(key)?.filter((other) => other !== growth) ?? [];
    if (rest.length === 0) this.#growing.delete(key);
    else this.#growing.set(key, rest);
  }
}
