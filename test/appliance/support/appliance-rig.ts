import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAppliance } from '../../../appliance/appliance.ts';
import { applianceParameters } from '../../../appliance/config.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { ProcessService } from '../../../src/lifecycle/service.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { systemWorld, type World } from '../../../src/world/world.ts';
import { testEngine } from '../../support/test-engine.ts';
import { GatedOrigin } from './gated-origin.ts';

/** An appliance in this process, in front of an origin that the test holds. */
export interface ApplianceRig {
  readonly origin: GatedOrigin;
  readonly url: string;
  readonly adminUrl: string;
  readonly service: ProcessService;
  stop(): Promise<void>;
}

export interface RigOptions {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly world?: World;
  /** Set it to start again on the volume of an earlier rig. */
  readonly dir?: string;
  readonly origin?: GatedOrigin;
}

export async function startAppliance(options: RigOptions = {}): Promise<ApplianceRig> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'oca-appliance-'));
  const origin = options.origin ?? (await GatedOrigin.start());
  const flags = {
    id: 'oca-1',
    // A thread of its own has a clock of its own.
    engine: options.world === undefined ? testEngine() : 'reference',
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    origin: origin.url,
    volume: [join(dir, 'volume')],
    volumeCapacityBytes: '512Mi',
    memoryBytes: '64Mi',
    ...options.flags,
  };
  const config = {
    ...loadConfig(applianceParameters, { flags, environment: {} }),
    logLevel: 'silent' as const,
    stopDeadlineMs: 1000,
  };
  const service = createAppliance(config, { logger: silentLogger, world: options.world ?? systemWorld });
  await service.start();
  const { listen = '', admin = '' } = service.addresses();
  return {
    origin,
    url: listen,
    adminUrl: admin,
    service,
    async stop() {
      await service.stop(0);
      if (options.origin === undefined) await origin.stop();
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}
