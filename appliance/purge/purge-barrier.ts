/**
 * What makes a purge hold (invariant I4: after it has answered, no new head is sent for what was purged).
 *
 * Problem: a purge of a prefix or a tag looks through a million objects, and may not hold up the loop while it does.
 * Meanwhile requests find objects that the search has not reached, questions to the origin are answered with what was
 * there before, and a request that has found its object waits for its first block.
 *
 * Removing what is found is therefore not enough. Idea: a purge is a point in time, the number of its rule.
 *
 *   A request or a question is a *passage*: it takes the number of the newest rule when it begins. Right before a head
 *   is sent, and right before an answer of the origin becomes an object, the passage is asked whether a rule that came
 *   after it means this object. If so it begins anew. What began later is not asked, so nobody starts over for ever.
 *
 *   While a rule is being carried out, whoever looks an object up asks as well, and takes away what the search has not
 *   reached. Objects that came after the rule are on a list of their own until the search has ended.
 *
 * A rule is kept until its search has ended and every passage that was under way when it came has sent its head, so
 * there are never more rules than purges within the longest wait for a first byte. All of this is one thread's.
 */
import { OperationalError } from '../../src/errors/operational-error.ts';
import { mayMean, means, type PurgeRule, type PurgeTarget } from './purge-rule.ts';
import { RunningAnswers } from './running-answers.ts';

/** Something that began at a point in time and may meet a purge on its way. End it once; ending it twice is harmless. */
export interface Passage extends Disposable {
  /** Whether a purge that came after the beginning means this object. */
  isOutdated(target: PurgeTarget): boolean;
  /** @throws OperationalError PURGED when it is outdated: begin anew */
  check(target: PurgeTarget): void;
}

/** An object that a viewer's lookup removed before the search got to it. */
export interface TakenAway {
  readonly description: PurgeTarget;
  readonly heldBlocks: number;
  readonly heldBytes: number;
  /** Resolves when it outlives a restart; who handed it in handles its failure as well. */
  readonly removal: Promise<unknown>;
}

/** A purge that is being carried out. */
export interface Sweep extends Disposable {
  /** What others have removed meanwhile in place of the search: it belongs to what the purge answers for. */
  readonly takenAway: readonly TakenAway[];
  /** Whether an object is to go: it is meant, and was there before the purge began. */
  covers(target: PurgeTarget): boolean;
}

interface Standing {
  readonly number: number;
  readonly rule: PurgeRule;
  /** Keys under which something new was begun since; undefined when the search has ended. */
  newer: Set<string> | undefined;
  readonly takenAway: TakenAway[];
}

export class PurgeBarrier {
  /** What is past the point where a passage would stop it. */
  readonly running = new RunningAnswers();
  /** In ascending order of their numbers. */
  #standing: Standing[] = [];
  /** In the order in which they began. */
  readonly #passages = new Set<OpenPassage>();
  #number = 0;
  #sweeping = 0;

  /** A request or a question begins. */
  enter(): Passage {
    const passage = new OpenPassage(this.#number, this);
    this.#passages.add(passage);
    return passage;
  }

  /** A purge begins: from now on it holds for everything that began before. */
  begin(rule: PurgeRule): Sweep {
    this.#number += 1;
    this.#sweeping += 1;
    const standing: Standing = { number: this.#number, rule, newer: new Set(), takenAway: [] };
    this.#standing.push(standing);
    return {
      takenAway: standing.takenAway,
      covers: (target) => isToGo(standing, target),
      [Symbol.dispose]: () => {
        if (standing.newer === undefined) return;
        standing.newer = undefined;
        this.#sweeping -= 1;
        this.#forgetOld();
      },
    };
  }

  /** To be told whenever a new generation is begun under a key. */
  created(key: string): void {
    if (this.#sweeping === 0) return;
    for (const { rule, newer } of this.#standing) if (newer !== undefined && mayMean(rule, key)) newer.add(key);
  }

  /** Whether a purge that is being carried out has not reached this object yet. */
  isToGo(target: PurgeTarget): boolean {
    return this.#sweeping > 0 && this.#standing.some((standing) => isToGo(standing, target));
  }

  /** To be told of what was `isToGo`, and is being removed by who looked it up. */
  takeAway(taken: TakenAway): void {
    for (const standing of this.#standing) if (isToGo(standing, taken.description)) standing.takenAway.push(taken);
  }

  /** For passages alone. */
  isOutdated(number: number, target: PurgeTarget): boolean {
    for (let at = this.#standing.length - 1; at >= 0; at -= 1) {
      const standing = this.#standing[at];
      if (standing === undefined || standing.number <= number) return false;
      if (means(standing.rule, target)) return true;
    }
    return false;
  }

  /** For passages alone. */
  left(passage: OpenPassage): void {
    this.#passages.delete(passage);
    if (this.#standing.length > 0) this.#forgetOld();
  }

  /** Rules that stand, for tests and for who looks at memory. */
  get standingCount(): number {
    return this.#standing.length;
  }

  #forgetOld(): void {
    const [oldest] = this.#passages;
    const needed = oldest?.number ?? this.#number;
    this.#standing = this.#standing.filter(({ number, newer }) => newer !== undefined || number > needed);
  }
}

class OpenPassage implements Passage {
  readonly number: number;
  readonly #barrier: PurgeBarrier;

  constructor(number: number, barrier: PurgeBarrier) {
    this.number = number;
    this.#barrier = barrier;
  }

  isOutdated(target: PurgeTarget): boolean {
    return this.#barrier.isOutdated(this.number, target);
  }

  check(target: PurgeTarget): void {
    if (this.isOutdated(target)) throw new OperationalError('PURGED', target.key);
  }

  [Symbol.dispose](): void {
    this.#barrier.left(this);
  }
}

const isToGo = ({ rule, newer }: Standing, target: PurgeTarget): boolean =>
  newer !== undefined && !newer.has(target.key) && means(rule, target);
