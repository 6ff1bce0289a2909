/**
 * Tokens that the content provider gives to its viewers, asked for by steering itself.
 *
 * Whoever runs steering may want that only a provider's own pages get manifests and places. The provider signs then, by
 * RFC 9246 as we do: `/v1/manifest/bars.m3u8?URISigningPackage=JWT`, with a scope that covers that URI, and its public
 * keys stand in a file here. Manifests, ranked places and redirects are refused without (403). Content steering is not:
 * its RELOAD-URI stays in a player's memory for hours and carries no secret, and its answers are an order of names, worth
 * nothing without the manifest. One that brings a bad token all the same gets the static order, since any refusal there
 * stops or maddens some player.
 *
 * A token is verified once, here and now, because a question goes through the filters in one go. That takes a quarter of
 * a millisecond, so only so many new ones a second are looked at, which bounds what forgers can take of the processor;
 * more than that count as bad until the next second, and viewers whose token is known notice nothing.
 */
import { readFileSync } from 'node:fs';
import { parseContract } from '../../src/contracts/contract.ts';
import { tokenKeysSchema } from '../../src/contracts/token-keys.ts';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import type { KnownToken } from '../../src/tokens/check-target.ts';
import { checkTarget } from '../../src/tokens/check-target.ts';
import { TokenVerifier } from '../../src/tokens/token-verifier.ts';
import type { Clock } from '../../src/world/world.ts';

export interface EntryQuestion {
  /** As on the request line. */
  readonly target: string;
  readonly host: string;
}

const LIMITS = { maxTargetChars: 16_384 };
const MAX_NEW_PER_SEC = 400;
const STEERING_PATH = '/v1/steering/';

export class EntryTokens {
  readonly #verifier: TokenVerifier;
  readonly #clock: Clock;
  #second = 0;
  #newInSecond = 0;

  /** @throws OperationalError CONFIG_INVALID when the file is no list of keys */
  constructor(keysFile: string, audience: string, clock: Clock) {
    this.#clock = clock;
    this.#verifier = new TokenVerifier({ nowMs: () => clock.nowMs(), audience });
    try {
      const document: unknown = JSON.parse(readFileSync(keysFile, 'utf8'));
      this.#verifier.useKeys(parseContract('keys of the content provider', tokenKeysSchema, document));
    } catch (error) {
      throw new OperationalError('CONFIG_INVALID', `--entry-keys ${keysFile}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Whether a question may be answered with more than the static order. */
  admits({ target, host }: EntryQuestion): boolean {
    const question = { rawTarget: target, host, nowMs: this.#clock.nowMs() };
    const verdict = checkTarget(question, LIMITS, (token) => this.#find(token));
    if (verdict.kind !== 'closed') return verdict.kind === 'open';
    return verdict.reason === 'missing' && target.startsWith(STEERING_PATH);
  }

  #find(token: string): KnownToken {
    const known = this.#verifier.known(token);
    if (known !== undefined) return known;
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (second !== this.#second) this.#newInSecond = 0;
    this.#second = second;
    this.#newInSecond += 1;
    return this.#newInSecond > MAX_NEW_PER_SEC ? 'busy' : this.#verifier.verifyNow(token, 'url');
  }
}
