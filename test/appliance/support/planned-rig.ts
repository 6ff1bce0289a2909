import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApplianceConfig, applianceParameters } from '../../../appliance/config.ts';
import { DeliveryServer } from '../../../appliance/delivery/delivery-server.ts';
import { handleGet } from '../../../appliance/delivery/handle-get.ts';
import { LoadMeter } from '../../../appliance/delivery/load-meter.ts';
import type { PlannedFile, PlannedFiles } from '../../../appliance/fill/block-filler.ts';
import { FillCoordinator } from '../../../appliance/fill/fill-coordinator.ts';
import { ObjectDiscovery } from '../../../appliance/fill/origin/discover-object.ts';
import { ApplianceMetrics } from '../../../appliance/metrics.ts';
import { createDiskObjectStore } from '../../../appliance/store/disk-object-store.ts';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import type { TokenGate } from '../../../appliance/tokens/token-gate.ts';
import { createUrlTokens } from '../../../appliance/tokens/url-tokens.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { BLOCK_BYTES, type FileManifest, manifestRoot } from '../../../src/contracts/file-manifest.ts';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { systemWorld } from '../../../src/world/world.ts';

/** The serving half of an appliance, with a plan that the test writes instead of a planner. */
export interface PlannedRig {
  readonly url: string;
  readonly fills: FillCoordinator;
  readonly store: ObjectStore;
  readonly demand: Map<string, number>;
  /** Served bytes by path for which something had to be fetched first. */
  readonly missed: Map<string, number>;
  /** Times to the first byte of hits that count as a viewer's wait. */
  readonly viewersWaited: readonly number[];
  /** As the metrics tell. */
  filledBytes(): Promise<number>;
  /** Puts a file in the plan; `sources` in the order to try. */
  plan(path: string, bytes: Buffer, sources: readonly FillPlanSource[]): PlannedFile;
  stop(): Promise<void>;
}

export async function startPlannedRig(
  originUrl: string,
  options: { readonly store?: (dir: string) => ObjectStore; readonly flags?: Readonly<Record<string, unknown>> } = {},
): Promise<PlannedRig> {
  const dir = mkdtempSync(join(tmpdir(), 'oca-planned-'));
  const flags = { id: 'oca-1', listen: '127.0.0.1:0', origin: originUrl, volume: [dir], ...options.flags };
  const config: ApplianceConfig = loadConfig(applianceParameters, { flags, environment: {} });
  const world = systemWorld;
  const nowMs = (): number => world.clock.nowMs();
  const store = options.store?.(dir) ?? diskStore(dir);
  await store.start();
  const http = new HttpClient({ connectTimeoutMs: config.connectTimeoutMs, maxConnectionsPerHost: 16 });
  const meters = new Metrics('appliance');
  const metrics = new ApplianceMetrics(meters);
  const fills = new FillCoordinator({ config, store, http, world, logger: silentLogger, metrics });
  const planned = new WrittenPlan();
  fills.usePlan(planned);
  const demand = new Map<string, number>();
  const missed = new Map<string, number>();
  const viewersWaited: number[] = [];
  const context = {
    config,
    world,
    clock: world.clock,
    logger: silentLogger,
    metrics,
    load: new LoadMeter(
      world.clock,
      () => 0,
      (firstByteMs) => viewersWaited.push(firstByteMs),
    ),
    finder: { fills, discovery: new ObjectDiscovery(fills, world, config), nowMs, hasOrigin: true },
    isDraining: () => false,
    tokenGate: gateOf(config, dir, meters),
    forwarding: { methods: new Set<string>(), http, invalidate: () => Promise.resolve() },
    views: () => undefined,
    sessionForLog: () => undefined,
    recordDemand: (path: string, bytes: number, missedBytes: number) => {
      addTo(demand, path, bytes);
      addTo(missed, path, missedBytes);
    },
  };
  const server = new DeliveryServer({
    config,
    handle: (request, response) => handleGet(request, response, context),
    onRefused: (reason) => metrics.refused(reason),
  });
  await server.start();
  return {
    url: server.url,
    fills,
    store,
    demand,
    missed,
    viewersWaited,
    filledBytes: () => filledBytesOf(meters),
    plan(path, bytes, sources) {
      const file: PlannedFile = { manifest: manifestOf(path, bytes), sources };
      planned.name(path, file);
      return file;
    },
    async stop() {
      await server.stop(0);
      await http.destroy();
      await store.stop(1000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

class WrittenPlan implements PlannedFiles {
  readonly #files = new Map<string, PlannedFile>();
  readonly #listeners: (() => void)[] = [];

  name(path: string, file: PlannedFile): void {
    this.#files.set(path, file);
    for (const listener of this.#listeners) listener();
  }

  find(path: string): PlannedFile | undefined {
    return this.#files.get(path);
  }

  rootOf(path: string): string | undefined {
    return this.#files.get(path)?.manifest.root;
  }

  onPlan(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

const diskStore = (dir: string): ObjectStore =>
  createDiskObjectStore({
    volumes: [{ dir, capacityBytes: 256 * 2 ** 20 }],
    memoryBytes: 16 * 2 ** 20,
    world: systemWorld,
    logger: silentLogger,
  });

const gateOf = (config: ApplianceConfig, stateDir: string, metrics: Metrics): TokenGate =>
  createUrlTokens(config, { stateDir, clock: systemWorld.clock, logger: silentLogger, metrics }).gate;

function manifestOf(path: string, bytes: Buffer): FileManifest {
  const hashes: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    hashes.push(
      createHash('sha256')
        .update(bytes.subarray(start, start + BLOCK_BYTES))
        .digest(),
    );
  }
  const blockHashes = Buffer.concat(hashes);
  return {
    version: 1,
    path,
    sizeBytes: bytes.length,
    blockBytes: BLOCK_BYTES,
    blockHashes: blockHashes.toString('base64'),
    root: manifestRoot(bytes.length, BLOCK_BYTES, blockHashes),
    keyId: 'test',
    signature: '',
  };
}

function addTo(sums: Map<string, number>, path: string, bytes: number): void {
  sums.set(path, (sums.get(path) ?? 0) + bytes);
}

async function filledBytesOf(meters: Metrics): Promise<number> {
  const samples = [...(await meters.expose()).matchAll(/^appliance_fill_bytes_total\{.*\} (\d+)$/gm)];
  return samples.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}
