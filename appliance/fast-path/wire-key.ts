/**
 * From a raw request target to the key of an object, or over to the reference engine.
 *
 * What a target means is decided by `parseTarget`, and what a token opens by `checkTarget`, here as there. Only who is
 * answered differs: whatever is refused goes over, since the reference engine words refusals, and so does what it looks
 * at before any object (inventory, content steering). A token that is not known goes over too: it is verified there, and
 * told to all threads (tokens/verified-tokens.ts), so that the next request with it stays. Threads verify nothing
 * themselves: a signature takes as long as ten answers, and a flood of tokens that nobody signed would stop them.
 */
import { parseTarget, readPlainTarget } from '../../src/http/target-path.ts';
import { BoundedMap } from '../../src/memory/bounded-map.ts';
import { checkTarget, type KnownToken } from '../../src/tokens/check-target.ts';
import { judgeClosed, type TokenMode } from '../tokens/judge-closed.ts';
import type { VerifiedToken } from '../tokens/verified-token.ts';
import type { OverReason } from './messages.ts';

export interface WireKey {
  readonly kind: 'key';
  readonly key: string;
  /** Without query; demand is counted by it. */
  readonly path: string;
  /** What a token came to, for the counter of token-gate.ts; undefined where tokens mean nothing. */
  readonly tokenOutcome: string | undefined;
}

export interface WireKeyOver {
  readonly kind: 'over';
  readonly because: OverReason;
}

export interface WireKeysOptions {
  readonly maxTargetChars: number;
  readonly tokenMode: TokenMode;
  readonly tokenPrefixes: readonly string[];
}

/** Of a thread. A token has some hundred characters. */
const MAX_TOKENS = 20_000;
/** What handle-get.ts answers before it looks for an object. */
const STEERING_PREFIX = '/v1/steering/';
const INVENTORY_PATH = '/v1/inventory';

const OVER_TARGET: WireKeyOver = { kind: 'over', because: 'target' };
const OVER_TOKEN: WireKeyOver = { kind: 'over', because: 'token' };

export class WireKeys {
  readonly #options: WireKeysOptions;
  readonly #limits: { readonly maxTargetChars: number };
  readonly #tokens = new BoundedMap<string, VerifiedToken>(MAX_TOKENS);
  readonly #key: { -readonly [F in keyof WireKey]: WireKey[F] } = {
    kind: 'key',
    key: '',
    path: '',
    tokenOutcome: undefined,
  };
  #nowMs = 0;
  /** Made once, not for each request. */
  readonly #known = (token: string): KnownToken => {
    const found = this.#tokens.get(token);
    // By a key that has ended it is as unknown as any, and what follows from that is not for us to say.
    return found === undefined || this.#nowMs >= found.keyNotAfterMs ? undefined : found.facts;
  };

  constructor(options: WireKeysOptions) {
    this.#options = options;
    this.#limits = { maxTargetChars: options.maxTargetChars };
  }

  /** @param host the Host field @param nowMs wall clock @returns one and the same object for each key */
  read(target: string, host: string, nowMs: number): WireKey | WireKeyOver {
    if (target.length > this.#options.maxTargetChars || target.startsWith(STEERING_PREFIX)) return OVER_TARGET;
    return this.#options.tokenMode === 'off' ? this.#readOpen(target) : this.#readGuarded(target, host, nowMs);
  }

  /** What the owner has verified. */
  learn(verified: VerifiedToken): void {
    this.#tokens.set(verified.token, verified);
  }

  /** The keys were replaced: no token that was verified counts any more. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  #readOpen(target: string): WireKey | WireKeyOver {
    const plain = readPlainTarget(target);
    if (plain !== undefined) return this.#found(plain, plain, undefined);
    const parsed = parseTarget(target, this.#limits);
    return parsed.kind === 'ok' ? this.#found(parsed.cacheKey, parsed.path, undefined) : OVER_TARGET;
  }

  #readGuarded(rawTarget: string, host: string, nowMs: number): WireKey | WireKeyOver {
    this.#nowMs = nowMs;
    const verdict = checkTarget({ rawTarget, host, nowMs }, this.#limits, this.#known);
    switch (verdict.kind) {
      case 'open':
        return this.#found(verdict.target.cacheKey, verdict.target.path, 'open');
      case 'closed': {
        const { tokenMode, tokenPrefixes } = this.#options;
        const judged = judgeClosed(verdict, tokenMode, tokenPrefixes);
        if (judged.kind === 'refused' || verdict.target === undefined) return OVER_TOKEN;
        return this.#found(verdict.target.cacheKey, verdict.target.path, judged.outcome);
      }
      case 'unverified':
        return OVER_TOKEN;
      case 'bad-target':
        return OVER_TARGET;
    }
  }

  #found(key: string, path: string, tokenOutcome: string | undefined): WireKey | WireKeyOver {
    if (path === INVENTORY_PATH) return OVER_TARGET;
    const found = this.#key;
    found.key = key;
    found.path = path;
    found.tokenOutcome = tokenOutcome;
    return found;
  }
}
