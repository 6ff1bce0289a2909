/**
 * From a raw request target to the key of an object, or over to the reference engine: what a target means is decided by
 * `parseTarget` and `checkTarget` alone; here is only the cheap way for targets that they would leave as they are.
 */
import type { OverReason, VerifiedToken } from './messages.ts';

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
  readonly tokenMode: 'off' | 'accept' | 'require';
  readonly tokenPrefixes: readonly string[];
}

export class WireKeys {
  constructor(_options: WireKeysOptions) {}

  /** @param host the Host field @param nowMs wall clock @returns one and the same object for each key */
  read(_target: string, _host: string, _nowMs: number): WireKey | WireKeyOver {
    throw new Error('not built yet');
  }

  /** What the owner has verified. */
  learn(_verified: VerifiedToken): void {
    throw new Error('not built yet');
  }

  /** The keys were replaced: no token that was verified counts any more. */
  forgetTokens(): void {
    throw new Error('not built yet');
  }
}
