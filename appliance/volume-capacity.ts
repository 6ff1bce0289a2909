import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SHARE = 0.9;

/**
 * How much content a volume may hold. Without a configured figure: 90 % of what is free on its file system and what is
 * in the folder already, so that a restart comes to about the same.
 */
export function volumeCapacityBytes(dir: string, configuredBytes: number): number {
  if (configuredBytes > 0) return configuredBytes;
  const { bavail, bsize } = statfsSync(dir);
  return Math.floor(SHARE * (bavail * bsize + usedBytes(dir)));
}

function usedBytes(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // Sparse files take what their blocks take.
    bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}
