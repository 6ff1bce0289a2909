import type { ApplianceConfig } from '../../config.ts';
import type { WireLimits } from '../messages.ts';

/** What of the configuration a wire thread needs. */
export const wireLimits = (config: ApplianceConfig): WireLimits => ({
  applianceId: config.id,
  maxTargetChars: config.maxTargetChars,
  headTimeoutMs: config.headTimeoutMs,
  idleTimeoutMs: config.idleTimeoutMs,
  sendStallMs: config.sendStallMs,
  minClientBytesPerSec: config.minClientBytesPerSec,
  maxConnections: config.maxConnections,
  maxConnectionsPerAddress: config.maxConnectionsPerAddress,
  maxActiveRequests: config.maxActiveRequests,
  readerTimeoutMs: config.readerTimeoutMs,
  hasCmsd: config.cmsd !== 'off',
  tokenMode: config.tokens,
  tokenPrefixes: config.tokenPrefixes,
  pacing: config.pacing,
});
