/**
 * Answers without content of ours, kept in memory for a while: redirects, 204, 404, and the failures of an origin.
 *
 * A path that is not there is asked for as often as one that is, and an origin that fails is asked by everybody at
 * once; both reach it with nothing in between unless somebody remembers the answer. On the disk they would push out
 * what viewers watch, so they have a memory of their own, bounded in number and in bytes, in which the one that was
 * put in first goes first: who scans for names pushes out names.
 *
 * How long an answer counts is what it says itself; where it says nothing, what the operator set for its kind
 * (RFC 9111 sections 3, 4.2.2; `freshnessMs` is computed by read-answer). It never stands before content: a failure is
 * remembered beside a stale object, not in its place.
 */

import type { HeaderFields } from '../../../src/http/stored-headers.ts';
import { isSelected, type RequestField, type SelectedBy } from '../../../src/http/vary.ts';

export interface KeptAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: Uint8Array;
  /** As of an ObjectDescription. */
  readonly confirmedAtMs: number;
  readonly initialAgeMs: number;
  readonly freshnessMs: number;
  readonly selectedBy: SelectedBy;
}

interface Limits {
  readonly maxAnswers: number;
  readonly maxBytes: number;
  readonly maxPerKey: number;
}

/** What an entry costs besides its text. */
const ENTRY_BYTES = 512;
const DEFAULT_LIMITS: Limits = { maxAnswers: 20_000, maxBytes: 16 * 2 ** 20, maxPerKey: 16 };

export class AnswerMemory {
  readonly #limits: Limits;
  /** In the order in which keys were put in; of one key the newest answer first. */
  readonly #answers = new Map<string, readonly KeptAnswer[]>();
  #count = 0;
  #bytes = 0;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get usedBytes(): number {
    return this.#bytes;
  }

  /** Keeps an answer in the place of those that the same request would get. */
  put(key: string, answer: KeptAnswer): void {
    const others = this.#take(key).filter(
      ({ selectedBy }) => !isSelected(selectedBy, (name) => answer.selectedBy[name] ?? undefined),
    );
    this.#enter(key, [answer, ...others].slice(0, this.#limits.maxPerKey));
    for (const oldest of this.#answers.keys()) {
      if (this.#count <= this.#limits.maxAnswers && this.#bytes <= this.#limits.maxBytes) break;
      this.#take(oldest);
    }
  }

  /** The answer that counts for a request now; answers whose time is over are forgotten on the way. */
  find(key: string, field: RequestField, nowMs: number): KeptAnswer | undefined {
    const known = this.#answers.get(key);
    if (known === undefined) return undefined;
    const fresh = known.filter((answer) => isFresh(answer, nowMs));
    if (fresh.length < known.length) {
      this.#take(key);
      if (fresh.length > 0) this.#enter(key, fresh);
    }
    return fresh.find(({ selectedBy }) => isSelected(selectedBy, field));
  }

  /** Forgets what a purge means. @returns how many answers went. */
  forgetWhere(covers: (answer: { readonly key: string; readonly headers: HeaderFields }) => boolean): number {
    const before = this.#count;
    for (const [key, answers] of this.#answers) {
      const kept = answers.filter(({ headers }) => !covers({ key, headers }));
      if (kept.length === answers.length) continue;
      this.#take(key);
      if (kept.length > 0) this.#enter(key, kept);
    }
    return before - this.#count;
  }

  #enter(key: string, answers: readonly KeptAnswer[]): void {
    this.#answers.set(key, answers);
    this.#count += answers.length;
    for (const answer of answers) this.#bytes += costOf(key, answer);
  }

  #take(key: string): readonly KeptAnswer[] {
    const answers = this.#answers.get(key) ?? [];
    this.#answers.delete(key);
    this.#count -= answers.length;
    for (const answer of answers) this.#bytes -= costOf(key, answer);
    return answers;
  }
}

/** A clock that was set back makes an answer old, not young for ever. */
function isFresh({ confirmedAtMs, initialAgeMs, freshnessMs }: KeptAnswer, nowMs: number): boolean {
  return initialAgeMs + Math.abs(nowMs - confirmedAtMs) < freshnessMs;
}

function costOf(key: string, { body, headers, selectedBy }: KeptAnswer): number {
  let chars = key.length;
  for (const [name, value] of Object.entries(headers)) chars += name.length + value.length;
  for (const [name, value] of Object.entries(selectedBy)) chars += name.length + (value?.length ?? 0);
  return ENTRY_BYTES + body.length + chars;
}
