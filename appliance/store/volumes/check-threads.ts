import type { Logger } from '../../../src/telemetry/logger.ts';
import { MAX_THREADS } from '../volume/volume-options.ts';

const DEFAULT_THREADS = 4;

/** A disk that hangs keeps its threads; with fewer of them than all disks may keep, one disk stops the others. */
export function checkThreads(volumeCount: number, logger: Logger): void {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? DEFAULT_THREADS);
  const wanted = volumeCount * MAX_THREADS;
  if (volumeCount < 2 || threads >= wanted) return;
  logger.warn({ threads, wanted }, 'UV_THREADPOOL_SIZE is small: disks that hang may hold up others');
}
