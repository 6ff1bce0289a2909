import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures } from './figures.ts';
import { openIdle } from './idle-connections.ts';
import { pathOf, warm } from './media-set.ts';
import type { PeerProcess } from './peer-process.ts';
import { readTreeCost, readTreeMemory } from './process-tree.ts';
import { dropPageCache, HOT } from './stage.ts';
import { runWrk, startWrk, type WrkLoad, type WrkResult } from './wrk-load.ts';

const MIB = 2 ** 20;
const IDLE = 10_000;
const ACTIVE = 200;
const COLD_CLIENTS = 64;
const HOT_CLIENTS = 16;
/** Of hot requests before the cold ones begin, so that connections are open. */
const MIX_LEAD_MS = 300;

export type HotLoad = Omit<WrkLoad, 'url'> & { readonly rangeBytes: number };

/** Ranges of files that are in memory. */
export async function measureHot(server: PeerProcess, load: HotLoad): Promise<Figures> {
  const before = readTreeCost(server.pid);
  const result = await runWrk({ ...load, url: server.url }, load.rangeBytes);
  const cpuMicros = readTreeCost(server.pid).cpuMicros - before.cpuMicros;
  return {
    ...figuresOf(result),
    cpuMicrosPerRequest: cpuMicros / result.requests,
    cpuSecPerGigabyte: cpuMicros / 1e6 / ((result.requests * load.rangeBytes) / 1e9),
    memoryMebibytes: readTreeMemory(server.pid) / MIB,
  };
}

const figuresOf = ({ requestsPerSec, bytesPerSec, p50Ms, p99Ms }: WrkResult): Figures => ({
  requestsPerSec,
  megabytesPerSec: bytesPerSec / 1e6,
  p50Ms,
  p99Ms,
});

interface MixLoad {
  readonly hotScript: string;
  readonly coldScript: string;
  /** How much of the cold order this server was asked for before. */
  readonly coldBehind: number;
  readonly seconds: number;
  readonly cores: readonly number[];
}

/**
 * Viewers of what everybody watches beside viewers of what nobody else does. Every cold MiB is asked for once, so it is
 * cold for whoever has a page cache, too: asked for twice, half of it would come from memory after two seconds.
 */
export async function measureMix(
  server: PeerProcess,
  given: MixLoad,
): Promise<Figures & { readonly coldRequests: number }> {
  dropPageCache();
  await warm(server.url, HOT, 1);
  const load = { url: server.url, seconds: given.seconds, cores: given.cores };
  const before = readTreeCost(server.pid);
  const hot = startWrk(
    { ...load, seconds: given.seconds * 2, script: given.hotScript, connections: HOT_CLIENTS },
    65_536,
  );
  await sleep(MIX_LEAD_MS);
  // Ended by its script when all was asked for, or by its time.
  const coldResult = await runWrk(
    { ...load, script: given.coldScript, connections: COLD_CLIENTS, argument: given.coldBehind },
    MIB,
  ).finally(() => hot.stop());
  const hotResult = await hot.result;
  const sentBytes = hotResult.requests * 65_536 + coldResult.requests * MIB;
  return {
    coldRequests: coldResult.requests + COLD_CLIENTS,
    hotPerSec: hotResult.requestsPerSec,
    hotP50Ms: hotResult.p50Ms,
    hotP99Ms: hotResult.p99Ms,
    coldMegabytesPerSec: coldResult.bytesPerSec / 1e6,
    coldP50Ms: coldResult.p50Ms,
    coldP99Ms: coldResult.p99Ms,
    cpuSecPerGigabyte: (readTreeCost(server.pid).cpuMicros - before.cpuMicros) / 1e6 / (sentBytes / 1e9),
    memoryMebibytes: readTreeMemory(server.pid) / MIB,
  };
}

/** How much a server grows by connections that do nothing, while others are served. It must have been started for this. */
export async function measureIdle(server: PeerProcess, load: HotLoad): Promise<Figures> {
  const active = { ...load, url: server.url, connections: ACTIVE };
  // Twice: threads, pools and compiled code come with the first.
  await runWrk(active, load.rangeBytes);
  await runWrk(active, load.rangeBytes);
  const before = readTreeCost(server.pid).residentBytes;
  const idle = await openIdle(server.url, pathOf(HOT, 0), IDLE);
  try {
    const result = await runWrk(active, load.rangeBytes);
    const growth = readTreeCost(server.pid).residentBytes - before;
    return { ...figuresOf(result), bytesPerIdleConnection: growth / IDLE, openIdle: idle.open() };
  } finally {
    idle.close();
  }
}
