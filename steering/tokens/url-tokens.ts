import { join } from 'node:path';
import type { ConfigOf } from '../../src/config/parameter.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import type { Decision } from '../answer/decision.ts';
import { TokenKeyRing } from './key-ring.ts';
import { TokenMint } from './token-mint.ts';
import type { tokenParameters } from './token-parameters.ts';

/** What signs the URLs of answers. */
export interface UrlTokens {
  readonly ring: TokenKeyRing;
  readonly mint: TokenMint;
  /** The decision with a token for its title, where there is a place for one. */
  sign(decision: Decision, sessionId: string): Decision;
}

/** @returns undefined where URLs are not signed. @throws OperationalError CONFIG_INVALID, VOLUME_IO */
export function createUrlTokens(
  config: ConfigOf<typeof tokenParameters> & { readonly id: string; readonly state: string },
  context: { readonly clock: Clock; readonly logger: Logger },
): UrlTokens | undefined {
  const { signUrls, tokenDurationFactor, minTokenSec, maxTokenSec, tokenRotateSec, signOriginUrls } = config;
  if (minTokenSec > maxTokenSec)
    throw new OperationalError('CONFIG_INVALID', '--min-token-sec must not be above --max-token-sec');
  if (signUrls === 'off') return undefined;
  const ring = new TokenKeyRing({
    file: join(config.state, 'token-keys.json'),
    issuer: config.id,
    policy: { rotateMs: tokenRotateSec * 1000, maxTokenMs: maxTokenSec * 1000 },
    ...context,
  });
  const mint = new TokenMint(
    ring,
    { per: signUrls, durationFactor: tokenDurationFactor, minTokenSec, maxTokenSec },
    context,
  );
  return {
    ring,
    mint,
    sign(decision, sessionId) {
      const signature = mint.sign(decision.title, sessionId);
      return signature === undefined
        ? decision
        : { ...decision, signature: { ...signature, originToo: signOriginUrls } };
    },
  };
}
