/**
 * The whole check of a signed URL, as one pure function: find the package, take it out, normalise, and ask whether a
 * token that is known opens what is left. It reads no clock and verifies no signature, so whatever serves a request, on
 * this path or a faster one, decides alike; a token that is not known yet is named in the answer, to be verified once.
 */
import type { ParsedTarget, TargetLimits } from '../http/target-path.ts';
import { refusalAt, type TokenFacts, type TokenRefusal } from './judge-claims.ts';
import { unpackTarget } from './token-package.ts';
import { covers } from './url-scope.ts';

/** What is known of a token: its facts, why it is refused for good, or nothing yet. */
export type KnownToken = TokenFacts | TokenRefusal | undefined;

export type TargetVerdict =
  /** `target` is what is asked for, without the package. */
  | { readonly kind: 'open'; readonly target: ParsedTarget & { readonly kind: 'ok' } }
  | {
      readonly kind: 'closed';
      readonly reason: TokenRefusal;
      readonly target: (ParsedTarget & { readonly kind: 'ok' }) | undefined;
    }
  | { readonly kind: 'unverified'; readonly token: string; readonly target: ParsedTarget & { readonly kind: 'ok' } }
  | { readonly kind: 'bad-target'; readonly target: ParsedTarget & { readonly kind: 'refused' } };

export interface TargetQuestion {
  /** As on the request line. */
  readonly rawTarget: string;
  /** The Host field, or ''. */
  readonly host: string;
  readonly nowMs: number;
}

/** @param known what is known of a token; called once at most */
export function checkTarget(
  { rawTarget, host, nowMs }: TargetQuestion,
  limits: TargetLimits,
  known: (token: string) => KnownToken,
): TargetVerdict {
  const unpacked = unpackTarget(rawTarget, limits);
  if (unpacked.kind === 'bad-target') return unpacked;
  if (unpacked.kind === 'bad-package') return { kind: 'closed', reason: 'malformed', target: undefined };
  const { target, token } = unpacked;
  const closed = (reason: TokenRefusal): TargetVerdict => ({ kind: 'closed', reason, target });
  if (token === undefined) return closed('missing');
  const facts = known(token);
  if (facts === undefined) return { kind: 'unverified', token, target };
  if (typeof facts === 'string') return closed(facts);
  const late = refusalAt(facts, nowMs);
  if (late !== undefined) return closed(late);
  const { scope } = facts;
  const { path, cacheKey } = target;
  return scope !== undefined && covers(scope, { path, cacheKey, host }) ? { kind: 'open', target } : closed('scope');
}
