/**
 * Whether a request may have what it asks for, before anything is looked up.
 *
 * Steering puts a token into the path of each URL that it gives (RFC 9246); here it is taken out again, so that the
 * object, its purge, its demand, its log line and what sources are asked for know nothing of it. Where a path needs a
 * token, a request without a good one gets 403, which nobody stores: the same URL may be good in a moment, by another
 * clock or with a newer key. Other appliances come with a grant in a header instead, which opens every path to them.
 *
 * While an operator goes over to signed URLs some are signed and some are not. `accept` is for that time: it serves all,
 * and counts what `require` would have refused, by reason.
 *
 * Limit: what a player was given stays open until its token ends; there is no way back but to revoke the key.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { GRANT_FIELD } from '../../src/contracts/url-grant.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import { checkTarget, type KnownToken, type TargetVerdict } from '../../src/tokens/check-target.ts';
import type { TokenFacts, TokenRefusal } from '../../src/tokens/judge-claims.ts';
import type { TokenVerifier } from '../../src/tokens/token-verifier.ts';
import type { Clock } from '../../src/world/world.ts';
import { judgeClosed, type TokenMode } from './judge-closed.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

export interface TokenGateOptions {
  readonly mode: TokenMode;
  readonly prefixes: readonly string[];
  readonly maxTargetChars: number;
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Told of tokens that count, for those who open requests elsewhere. */
  readonly verified?: VerifiedTokens;
}

export type Passed =
  /** `target` is the request's without its token. */
  | { readonly kind: 'passed'; readonly target: string }
  /** 503 where the token could not be looked at now. */
  | { readonly kind: 'refused'; readonly status: 403 | 503; readonly reason: TokenRefusal };

export class TokenGate {
  readonly #options: TokenGateOptions;
  readonly #checks;

  constructor(options: TokenGateOptions) {
    this.#options = options;
    this.#checks = options.metrics.counter(
      'token_checks_total',
      'Requests by what their token came to. `missing` in numbers under `accept`: players or peers that got unsigned URLs, so do not go to `require` yet. `expired`, `not-yet`: whose clock is wrong (appliance_steering_clock_skew_seconds)? `unknown-key`: does steering answer heartbeats? `signature`, `malformed`: somebody tries things. `busy`: a flood of tokens that nobody signed.',
      ['outcome'],
    );
  }

  /** @param rawTarget as on the request line. Never rejects. */
  async pass(rawTarget: string, headers: IncomingHttpHeaders): Promise<Passed> {
    const { mode, clock, maxTargetChars, verifier } = this.#options;
    if (mode === 'off') return { kind: 'passed', target: rawTarget };
    const { host = '' } = headers;
    const known = (token: string): KnownToken => {
      const found = verifier.known(token);
      if (typeof found === 'object') this.#tell(token, found);
      return found;
    };
    const check = (): TargetVerdict =>
      checkTarget({ rawTarget, host, nowMs: clock.nowMs() }, { maxTargetChars }, known);
    let verdict = check();
    if (verdict.kind === 'unverified') {
      const found = await verifier.verify(verdict.token, 'url');
      verdict = typeof found === 'string' ? { kind: 'closed', reason: found, target: verdict.target } : check();
    }
    switch (verdict.kind) {
      case 'bad-target':
        // With its package it may be one, and would be served with nobody having looked at the token.
        if (parseTarget(rawTarget, { maxTargetChars }).kind === 'ok') return this.#refused('malformed');
        return { kind: 'passed', target: rawTarget };
      case 'open':
        return this.#passed('open', verdict.target);
      case 'unverified':
        // It was pushed out of the memo between the two looks.
        return this.#refused('busy');
      case 'closed':
        return this.#passClosed(verdict, headers);
    }
  }

  /** Requests that were opened, or let through, elsewhere. */
  count(outcome: string, requests: number): void {
    this.#checks.inc({ outcome }, requests);
  }

  #tell(token: string, facts: TokenFacts): void {
    const { verified, verifier } = this.#options;
    verified?.opened({ token, facts, keyNotAfterMs: verifier.keyEndMs(facts.keyId) });
  }

  async #passClosed(
    verdict: TargetVerdict & { readonly kind: 'closed' },
    headers: IncomingHttpHeaders,
  ): Promise<Passed> {
    const { target, reason } = verdict;
    // Nobody can say what it asks for.
    if (target === undefined) return this.#refused(reason);
    const grant = headers[GRANT_FIELD];
    if (typeof grant === 'string' && typeof (await this.#options.verifier.verify(grant, 'grant')) !== 'string') {
      return this.#passed('grant', target);
    }
    const { mode, prefixes } = this.#options;
    const judged = judgeClosed(verdict, mode, prefixes);
    return judged.kind === 'passed' ? this.#passed(judged.outcome, target) : this.#refused(reason);
  }

  #passed(outcome: string, { path, query }: { readonly path: string; readonly query: string }): Passed {
    this.#checks.inc({ outcome });
    return { kind: 'passed', target: query === '' ? path : `${path}?${query}` };
  }

  #refused(reason: TokenRefusal): Passed {
    this.#checks.inc({ outcome: reason });
    return { kind: 'refused', status: reason === 'busy' ? 503 : 403, reason };
  }
}
