/**
 * An appliance in a process of its own that can be killed, whose clock can be moved, and whose disk calls can be made to
 * fail. Started by `fork` with its parameters as JSON; answers messages of type `ToAppliance`.
 */
import { open } from 'node:fs/promises';
import { createAppliance } from '../../appliance/appliance.ts';
import { applianceParameters } from '../../appliance/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { FromAppliance, ToAppliance } from './appliance-process.ts';
import { SkippingClock, skippingWorld } from './skipping-world.ts';

/** Share of calls on files that fail. */
const failing = { reads: 0, writes: 0 };

type Call = (this: unknown, ...parameters: unknown[]) => Promise<unknown>;

/** Every file handle of this process comes from one class, so that one place reaches all of them. */
async function makeDisksFallible(): Promise<void> {
  const handle = await open('/dev/null', 'r');
  const handles = Object.getPrototypeOf(handle) as Record<'read' | 'write' | 'datasync', Call>;
  await handle.close();
  const fallible = (name: keyof typeof handles, share: () => number, code: () => string): void => {
    const original = handles[name];
    handles[name] = function failSometimes(...parameters) {
      if (Math.random() >= share()) return original.apply(this, parameters);
      const error = Object.assign(new Error(`${code()}: injected, ${name}`), {
        code: code(),
        errno: -5,
        syscall: name,
      });
      return Promise.reject(error);
    };
  };
  fallible(
    'read',
    () => failing.reads,
    () => 'EIO',
  );
  fallible(
    'write',
    () => failing.writes,
    () => (Math.random() < 0.5 ? 'ENOSPC' : 'EIO'),
  );
  fallible(
    'datasync',
    () => failing.writes,
    () => 'EIO',
  );
}

const say = (message: FromAppliance): void => void process.send?.(message);

await makeDisksFallible();
const clock = new SkippingClock();
// Threads that send have clocks of their own, which nobody moves.
const flags = { engine: 'reference', ...(JSON.parse(process.argv[2] ?? '{}') as Record<string, unknown>) };
const config = {
  ...loadConfig(applianceParameters, { flags, environment: {} }),
  logLevel: 'silent' as const,
  stopDeadlineMs: 1000,
};
const service = createAppliance(config, { logger: silentLogger, world: skippingWorld(clock) });

process.on('message', (message: ToAppliance) => {
  if (message.kind === 'skip') clock.moveOn(message.ms);
  else if (message.kind === 'fail-disks') Object.assign(failing, { reads: message.reads, writes: message.writes });
  else return void service.stop(1000).then(() => process.exit(0));
  return say({ kind: 'done' });
});
process.on('disconnect', () => process.exit(0));
await service.start();
const { listen = '', admin = '' } = service.addresses();
say({ kind: 'ready', url: listen, adminUrl: admin });
