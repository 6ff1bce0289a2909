import type { TargetVerdict } from '../../src/tokens/check-target.ts';
import type { TokenRefusal } from '../../src/tokens/judge-claims.ts';

export type TokenMode = 'off' | 'accept' | 'require';

/** What becomes of a request whose URL no token opens; `outcome` is for the counter. */
export type ClosedJudgement =
  | { readonly kind: 'passed'; readonly outcome: TokenRefusal | 'not-needed' }
  | { readonly kind: 'refused' };

const REFUSED: ClosedJudgement = { kind: 'refused' };

/** @param prefixes beginnings of the paths that need a token; none: all do */
export function judgeClosed(
  { target, reason }: TargetVerdict & { readonly kind: 'closed' },
  mode: TokenMode,
  prefixes: readonly string[],
): ClosedJudgement {
  // Nobody can say what it asks for.
  if (target === undefined) return REFUSED;
  const isNeeded = prefixes.length === 0 || prefixes.some((prefix) => target.path.startsWith(prefix));
  if (!isNeeded) return { kind: 'passed', outcome: 'not-needed' };
  return mode === 'accept' ? { kind: 'passed', outcome: reason } : REFUSED;
}
