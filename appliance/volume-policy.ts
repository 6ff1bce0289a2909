import type { ApplianceConfig } from './config.ts';
import type { VolumePolicy } from './store/volumes/volume-keeper.ts';

/** What of the configuration says how volumes live. */
export const volumePolicy = (config: ApplianceConfig): Partial<VolumePolicy> => ({
  reserveBytes: config.volumeReserveBytes,
  highShare: config.volumeHighWatermark,
  lowShare: config.volumeLowWatermark,
  slowMs: config.volumeSlowMs,
  hangMs: config.volumeHangMs,
  drainMs: config.volumeDrainMs,
  probeIntervalMs: config.volumeProbeMs,
});
