import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import { TokenVerifier } from '../../src/tokens/token-verifier.ts';
import type { Clock } from '../../src/world/world.ts';
import type { ApplianceConfig } from '../config.ts';
import { HeldKeys } from './held-keys.ts';
import { TokenGate } from './token-gate.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** The parts that signed URLs need: what opens requests, and the keys it does so with. */
export interface UrlTokens {
  readonly gate: TokenGate;
  readonly keys: HeldKeys;
  /** For those who open requests elsewhere. */
  readonly verified: VerifiedTokens;
}

export function createUrlTokens(
  config: Pick<ApplianceConfig, 'id' | 'tokens' | 'tokenPrefixes' | 'maxTargetChars'>,
  context: { readonly stateDir: string; readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
): UrlTokens {
  const { clock, metrics } = context;
  const verified = new VerifiedTokens(clock);
  const verifier = new TokenVerifier({
    nowMs: () => clock.nowMs(),
    audience: config.id,
    onForget: () => verified.forget(),
  });
  const { tokens: mode, tokenPrefixes: prefixes, maxTargetChars } = config;
  return {
    keys: new HeldKeys({ ...context, verifier }),
    gate: new TokenGate({ mode, prefixes, maxTargetChars, verifier, clock, metrics, verified }),
    verified,
  };
}
