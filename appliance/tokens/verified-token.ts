import type { TokenFacts } from '../../src/tokens/judge-claims.ts';

/** A URL token whose signature was checked. */
export interface VerifiedToken {
  readonly token: string;
  readonly facts: TokenFacts;
  /** Wall clock: until when its key may be used. */
  readonly keyNotAfterMs: number;
}
