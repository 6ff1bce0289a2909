import { accessSync, constants, type Dirent, mkdirSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperationalError } from '../src/errors/operational-error.ts';
import type { Logger } from '../src/telemetry/logger.ts';

const SHARE = 0.9;

export interface VolumeToOpen {
  readonly dir: string;
  readonly capacityBytes: number;
}

/**
 * The volumes to start with. One disk of twelve that is broken or not mounted must not keep the other eleven from
 * serving: with a capacity from the configuration it is opened all the same, and the store tries it again and again;
 * without one nobody knows how much it may hold, so it is left out until the next start.
 * @throws OperationalError VOLUME_IO when no volume can be used
 */
export function volumesToOpen(dirs: readonly string[], configuredBytes: number, logger: Logger): VolumeToOpen[] {
  const failures: string[] = [];
  const volumes = dirs.flatMap((dir): VolumeToOpen[] => {
    try {
      mkdirSync(dir, { recursive: true });
      accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
      return [{ dir, capacityBytes: volumeCapacityBytes(dir, configuredBytes) }];
    } catch (error) {
      failures.push(messageOf(error));
      if (configuredBytes > 0) return [{ dir, capacityBytes: configuredBytes }];
      logger.error(
        { volume: dir, reason: messageOf(error) },
        'volume left out until the next start; with --volume-capacity-bytes it is taken back as soon as it works',
      );
      return [];
    }
  });
  if (failures.length === dirs.length) throw new OperationalError('VOLUME_IO', failures.join('\n  '));
  return volumes;
}

/**
 * How much content a volume may hold. Without a configured figure: 90 % of what is free on its file system and what is
 * in the folder already, so that a restart comes to about the same.
 */
export function volumeCapacityBytes(dir: string, configuredBytes: number): number {
  if (configuredBytes > 0) return configuredBytes;
  const { bavail, bsize } = statfsSync(dir);
  return Math.floor(SHARE * (bavail * bsize + usedBytes(dir)));
}

/** What cannot be looked at is not ours, as the lost+found of every fresh file system. */
function usedBytes(dir: string): number {
  let bytes = 0;
  for (const entry of entriesOf(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) bytes += usedBytes(path);
    // Sparse files take what their blocks take.
    else if (entry.isFile()) bytes += (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }
  return bytes;
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') return [];
    throw error;
  }
}
