/**
 * Tells those who open requests elsewhere (the wire threads) which tokens count, so that they need verify none.
 *
 * A thread that comes across a token it does not know hands the request over; here it is verified, as ever, and told to
 * all threads, so that the next request with it stays with them. Threads remember only so many: a token that one of
 * them has forgotten comes over again and is told again, though never twice within a second. When keys are replaced, or
 * end sooner than was said, threads are told to forget everything at once; what is told after that was verified after
 * that, because both go the same way.
 */
import { ownText } from '../../src/http/own-text.ts';
import { BoundedMap } from '../../src/memory/bounded-map.ts';
import type { Clock } from '../../src/world/world.ts';
import type { VerifiedToken } from './verified-token.ts';

export interface TokenListener {
  readonly onVerified: (verified: VerifiedToken) => void;
  readonly onForget: () => void;
}

const RETELL_MS = 1000;
const MAX_REMEMBERED = 10_000;

export class VerifiedTokens {
  readonly #clock: Clock;
  readonly #toldAtMs = new BoundedMap<string, number>(MAX_REMEMBERED);
  #listener: TokenListener | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One listener; undefined ends it. */
  listen(listener: TokenListener | undefined): void {
    this.#listener = listener;
    this.#toldAtMs.clear();
  }

  /** A request was opened by it. */
  opened(verified: VerifiedToken): void {
    if (this.#listener === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const toldAtMs = this.#toldAtMs.get(verified.token);
    if (toldAtMs !== undefined && nowMs - toldAtMs < RETELL_MS) return;
    this.#toldAtMs.set(ownText(verified.token), nowMs);
    this.#listener.onVerified(verified);
  }

  /** What was verified may not count any more. */
  forget(): void {
    this.#toldAtMs.clear();
    this.#listener?.onForget();
  }
}
