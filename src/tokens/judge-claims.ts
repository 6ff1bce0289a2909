/**
 * Whether the claims of a token are ones that we honour (RFC 9246 section 2.1, RFC 8725). Pure.
 *
 * A claim that restricts and that we cannot check makes the token worthless here, so it is refused: client addresses
 * and subjects (encrypted, and we hold no such key), one-time use (`jti`: nothing remembers what was used), renewal,
 * critical extensions, a newer version. Unknown claims that are not critical are passed over. `exp` is optional in the
 * RFC and demanded here: a token without an end could be taken back with its key alone. No leeway for clocks, as the RFC
 * wants it (sections 2.1.4 and 2.1.5); whose clock is wrong must be told, not forgiven.
 */
import { parseScope, type UrlScope } from './url-scope.ts';

/** Why a token is refused, for counters. A closed set. */
export const TOKEN_REFUSALS = [
  'missing',
  'malformed',
  'unknown-key',
  'signature',
  'claims',
  'expired',
  'not-yet',
  'scope',
  'busy',
] as const;
export type TokenRefusal = (typeof TOKEN_REFUSALS)[number];

/** A token in a URL is for a viewer; a grant in a header lets one appliance fill from another. */
export type TokenUse = 'url' | 'grant';

/** `typ` of a grant, so that neither can stand in for the other (RFC 8725 section 3.11). */
export const GRANT_TYPE = 'oca-grant+jwt';

/** What a verified token says. Times in seconds since the epoch, as in the token. */
export interface TokenFacts {
  readonly use: TokenUse;
  readonly keyId: string;
  readonly expiresAtSec: number;
  /** -Infinity when it always began. */
  readonly notBeforeSec: number;
  /** What a URL token opens; undefined for a grant, which opens everything to appliances. */
  readonly scope: UrlScope | undefined;
}

/** What the verifying side knows. */
export interface Verifier {
  readonly keyId: string;
  /** Who signs with the key; undefined where nobody said. */
  readonly issuer: string | undefined;
  /** Whom a token may be for, besides everybody. */
  readonly audience: string;
}

export type Judgement =
  | { readonly kind: 'good'; readonly facts: TokenFacts }
  | { readonly kind: 'refused'; readonly reason: TokenRefusal; readonly says: string };

type Claims = Readonly<Record<string, unknown>>;

const UNSUPPORTED = ['jti', 'cdniip', 'sub', 'cdnicrit'] as const;

/** @param claims of a token whose signature was checked */
export function judgeClaims(header: Claims, claims: Claims, by: Verifier): Judgement {
  const use: TokenUse = header['typ'] === GRANT_TYPE ? 'grant' : 'url';
  for (const name of UNSUPPORTED) {
    if (claims[name] !== undefined) return refused(`'${name}' cannot be checked here`);
  }
  const { iss, aud, exp, nbf = Number.NEGATIVE_INFINITY, cdniv = 1, cdnistt = 0, cdniuc } = claims;
  if (cdniv !== 1) return refused("version of the claim set ('cdniv') is not 1");
  if (cdnistt !== 0) return refused("renewal ('cdnistt') is not supported");
  if (iss !== undefined && iss !== by.issuer) return refused("'iss' is not who owns the key");
  if (aud !== undefined && ![aud].flat().includes(by.audience)) return refused("'aud' names somebody else");
  if (!isTime(exp)) return refused("'exp' is missing or no time");
  if (typeof nbf !== 'number' || Number.isNaN(nbf)) return refused("'nbf' is no time");
  const common = { keyId: by.keyId, expiresAtSec: exp, notBeforeSec: nbf };
  if (use === 'grant') return { kind: 'good', facts: { ...common, use, scope: undefined } };
  const scope = typeof cdniuc === 'string' ? parseScope(cdniuc) : undefined;
  if (scope === undefined) return refused("'cdniuc' is none of the forms that are honoured");
  return { kind: 'good', facts: { ...common, use, scope } };
}

/** Whether a token counts at a moment; on each use, since it is verified only once. */
export function refusalAt(facts: TokenFacts, nowMs: number): 'expired' | 'not-yet' | undefined {
  if (nowMs >= facts.expiresAtSec * 1000) return 'expired';
  return nowMs < facts.notBeforeSec * 1000 ? 'not-yet' : undefined;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const refused = (says: string): Judgement => ({ kind: 'refused', reason: 'claims', says });
