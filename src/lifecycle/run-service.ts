import { writeSync } from 'node:fs';
import { isOperational, messageOf } from '../errors/operational-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { requireOpenFiles } from './open-file-limit.ts';
import type { ProcessService } from './service.ts';

/**
 * Runs a service as this process: ready line, signals, drain, exit code. The only place that ends the process.
 * SIGTERM and SIGINT drain, then stop by the deadline; a second signal stops at once, and so does one that comes before
 * the service is ready, because what is stored survives any end. A bug (an error nobody foresaw) is logged and ends the
 * process with 70, and the supervisor starts it anew. Who reads stdout or stderr may leave: nothing depends on it.
 */
export async function runService(
  name: string,
  service: ProcessService,
  logger: Logger,
  stopDeadlineMs: number,
): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (error) => endForBug(error, logger));
  process.on('unhandledRejection', (reason) => endForBug(reason, logger));
  let phase: 'starting' | 'ready' | 'stopping' = 'starting';
  const onSignal = (signal: NodeJS.Signals): void => {
    if (phase === 'stopping') {
      logger.warn({ signal }, 'second signal: stopping at once');
      process.exit(1);
    }
    logger.info({ signal }, phase === 'ready' ? 'stopping' : 'stopping before it was ready');
    if (phase === 'starting') process.exit(0);
    phase = 'stopping';
    void stopService(service, logger, stopDeadlineMs).then((code) => process.exit(code));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    requireOpenFiles();
    await service.start();
  } catch (error) {
    say(STANDARD_ERROR, `${name} did not start: ${messageOf(error)}`);
    if (!isOperational(error)) logger.error({ error }, 'start failed');
    await service.stop(1000).catch(() => undefined);
    process.exit(isOperational(error, 'CONFIG_INVALID') ? 78 : 1);
  }
  phase = 'ready';
  const addresses = Object.entries(service.addresses()).map(([key, value]) => `${key}=${value}`);
  say(STANDARD_OUTPUT, `${name} ready ${addresses.join(' ')} pid=${process.pid}`);
}

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;
/** How long past its deadlines a service may take before it is ended all the same. */
const GRACE_MS = 5000;

async function stopService(service: ProcessService, logger: Logger, stopDeadlineMs: number): Promise<number> {
  // The backstop is armed first: whatever hangs below, the process is gone soon after its deadlines.
  setTimeout(
    () => {
      logger.error({ stopDeadlineMs }, 'did not stop by the deadline');
      process.exit(1);
    },
    (service.longestDrainMs ?? 0) + stopDeadlineMs + GRACE_MS,
  ).unref();
  try {
    await service.drain?.();
    await service.stop(stopDeadlineMs);
    return 0;
  } catch (error) {
    logger.error({ error }, 'stop failed');
    return 1;
  }
}

function endForBug(reason: unknown, logger: Logger): void {
  logger.error({ error: reason }, 'bug: ending so that the supervisor starts afresh');
  say(STANDARD_ERROR, `bug: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  process.exit(70);
}

/** One line for whoever is there to read it. */
function say(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
  } catch {
    // Nobody reads, or the disk behind it is full: no reason to end a service, or to end it otherwise.
  }
}
