import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { ScrubOptions, VolumeOptions } from '../volume/volume-options.ts';
import type { OpenedVolume, VolumePolicy } from './volume-keeper.ts';

export interface ConfiguredVolume {
  readonly dir: string;
  readonly capacityBytes: number;
}

export interface VolumeSetOptions {
  readonly volumes: readonly ConfiguredVolume[];
  readonly stateDir: () => string | undefined;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: VolumeOptions['metrics'];
  readonly policy: VolumePolicy;
  readonly useFlushIntervalMs: number;
  readonly onViewerRead: (dir: string, latencyMs: number) => void;
  readonly onLost: VolumeOptions['onLost'];
  readonly durability: VolumeOptions['durability'];
  readonly createPolicy: () => VolumeOptions['policy'];
  readonly scrub: Omit<ScrubOptions, 'onFound'> | undefined;
  readonly isPinned: VolumeOptions['isPinned'];
  /** Takes over what it holds, while others are served. */
  readonly onOpened: (dir: string, opened: OpenedVolume) => Promise<void>;
  /** Nothing of this opening will come back. */
  readonly onGone: (volumeIndex: number) => Promise<void>;
  readonly onForgotten: (generation: Generation) => void;
}
