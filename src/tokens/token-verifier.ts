/**
 * Verifies each token once and remembers what it says.
 *
 * A signature takes a quarter of a millisecond, a viewer sends the same token with every segment, and whoever wishes us
 * ill sends a new one each time. So facts are kept by the token's text, as many as the memo holds, and a request then
 * costs a look-up; when a token ends is looked at on each use, because the memo does not. Refused tokens are kept in a
 * memo of their own: a flood of them pushes out other refused ones and no good one. What needs no key is judged before
 * the signature (form, key id), what a stranger wrote is read after it, and signatures are checked so many at a time;
 * beyond that a token that is not known is told to come back, which costs nobody who watches already.
 *
 * The keys are replaced as a whole. A key that is gone takes its tokens with it at once.
 */

import type { KeyObject } from 'node:crypto';
import type { TokenKey } from '../contracts/token-keys.ts';
import { ownText } from '../http/own-text.ts';
import { BoundedMap } from '../memory/bounded-map.ts';
import type { KnownToken } from './check-target.ts';
import { judgeClaims, refusalAt, type TokenFacts, type TokenRefusal, type TokenUse } from './judge-claims.ts';
import { type Claims, importPublicKey, readHeader, verifyJwt, verifyJwtNow } from './jwt.ts';

export interface TokenVerifierOptions {
  readonly nowMs: () => number;
  /** Whom tokens may be for: the id of this service. */
  readonly audience: string;
  /** The keys were replaced, or one of them ends sooner: what was found out by them may not count any more. */
  readonly onForget?: () => void;
  readonly maxTokens?: number;
  readonly maxAtOnce?: number;
}

const MAX_TOKENS = 50_000;
const MAX_REFUSED = 5000;
const MAX_AT_ONCE = 64;

interface KnownKey extends TokenKey {
  readonly key: KeyObject;
}

interface Owned {
  readonly owner: KnownKey;
  readonly header: Claims;
}

export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #good: BoundedMap<string, TokenFacts>;
  readonly #bad = new BoundedMap<string, TokenRefusal>(MAX_REFUSED);
  readonly #asking = new Map<string, Promise<TokenFacts | TokenRefusal>>();
  #keys: ReadonlyMap<string, KnownKey> = new Map();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#good = new BoundedMap(options.maxTokens ?? MAX_TOKENS);
  }

  /** Replaces all keys. What was found out by the old ones is forgotten, unless they are the same. */
  useKeys(keys: readonly TokenKey[]): void {
    const same = keys.length === this.#keys.size && keys.every((key) => isSame(this.#keys.get(key.keyId), key));
    if (!same) {
      this.#good.clear();
      this.#bad.clear();
    }
    const endsSooner = keys.some(({ keyId, notAfterMs }) => notAfterMs < this.keyEndMs(keyId));
    this.#keys = new Map(keys.map((key) => [key.keyId, { ...key, key: importPublicKey(key.publicKey) }]));
    if (!same || endsSooner) this.#options.onForget?.();
  }

  get keyCount(): number {
    return this.#keys.size;
  }

  /** Wall clock: until when a key may be used; 0 for one that is not known. */
  keyEndMs(keyId: string): number {
    return this.#keys.get(keyId)?.notAfterMs ?? 0;
  }

  /** How many tokens are remembered, good and refused. */
  get remembered(): { readonly good: number; readonly refused: number } {
    return { good: this.#good.size, refused: this.#bad.size };
  }

  /** What is known of a URL token, for `checkTarget`. Its times are the caller's to look at. */
  known(token: string): KnownToken {
    const facts = this.#good.use(token);
    if (facts === undefined) return this.#bad.use(token);
    if (facts.use !== 'url') return 'claims';
    return this.#isKeyValid(facts.keyId) ? facts : 'unknown-key';
  }

  /** What a token says, or why it is refused now. Never rejects. */
  async verify(token: string, use: TokenUse): Promise<TokenFacts | TokenRefusal> {
    const found = this.#good.use(token) ?? this.#bad.use(token) ?? (await this.#find(token));
    return typeof found === 'string' ? found : this.#facts(found, use);
  }

  #facts(found: TokenFacts, use: TokenUse): TokenFacts | TokenRefusal {
    if (found.use !== use) return 'claims';
    if (!this.#isKeyValid(found.keyId)) return 'unknown-key';
    return refusalAt(found, this.#options.nowMs()) ?? found;
  }

  #findNow(token: string): TokenFacts | TokenRefusal {
    const owned = this.#ownerOf(token);
    if (typeof owned === 'string') return owned;
    return this.#judge(token, owned, verifyJwtNow(token, owned.owner.key));
  }

  /** The same in one go, a quarter of a millisecond for a token that is not known. How often is the caller's to bound. */
  verifyNow(token: string, use: TokenUse): TokenFacts | TokenRefusal {
    const found = this.#good.use(token) ?? this.#bad.use(token) ?? this.#findNow(token);
    return typeof found === 'string' ? found : this.#facts(found, use);
  }

  async #find(token: string): Promise<TokenFacts | TokenRefusal> {
    const asking = this.#asking.get(token);
    if (asking !== undefined) return asking;
    const owned = this.#ownerOf(token);
    if (typeof owned === 'string') return owned;
    if (this.#asking.size >= (this.#options.maxAtOnce ?? MAX_AT_ONCE)) return 'busy';
    const answer = verifyJwt(token, owned.owner.key).then((claims) => this.#judge(token, owned, claims));
    this.#asking.set(token, answer);
    try {
      return await answer;
    } finally {
      this.#asking.delete(token);
    }
  }

  /** What needs no key: form and key id. */
  #ownerOf(token: string): Owned | 'malformed' | 'unknown-key' {
    const read = readHeader(token);
    if (read === undefined) return 'malformed';
    const owner = this.#keys.get(read.keyId);
    // Not kept: the key may come with the next heartbeat.
    if (owner === undefined || !this.#isKeyValid(read.keyId)) return 'unknown-key';
    return { owner, header: read.header };
  }

  /** @param claims undefined where the signature is not of the key */
  #judge(token: string, { owner, header }: Owned, claims: Claims | undefined): TokenFacts | TokenRefusal {
    const { keyId, issuer } = owner;
    const judged =
      claims === undefined
        ? ({ kind: 'refused', reason: 'signature' } as const)
        : judgeClaims(header, claims, { keyId, issuer, audience: this.#options.audience });
    // The keys may have been replaced meanwhile, and with them what may be remembered.
    const isCurrent = isSame(this.#keys.get(keyId), owner);
    if (judged.kind === 'refused') {
      if (isCurrent) this.#bad.set(ownText(token), judged.reason);
      return judged.reason;
    }
    if (!isCurrent) return 'unknown-key';
    this.#good.set(ownText(token), judged.facts);
    return judged.facts;
  }

  #isKeyValid(keyId: string): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && this.#options.nowMs() < key.notAfterMs;
  }
}

const isSame = (known: TokenKey | undefined, key: TokenKey): boolean =>
  known?.publicKey === key.publicKey && known.issuer === key.issuer;
