import { isOperational, messageOf } from '../errors/operational-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ProcessService } from './service.ts';

/**
 * Runs a service as this process: ready line, signals, drain, exit code. The only place that ends the process.
 * SIGTERM and SIGINT drain, then stop by the deadline; a second signal stops at once. A bug (an error nobody foresaw)
 * is logged and ends the process with 70, and the supervisor starts it anew.
 */
export async function runService(
  name: string,
  service: ProcessService,
  logger: Logger,
  stopDeadlineMs: number,
): Promise<void> {
  process.on('uncaughtException', (error) => endForBug(error, logger));
  process.on('unhandledRejection', (reason) => endForBug(reason, logger));
  try {
    await service.start();
  } catch (error) {
    process.stderr.write(`${name} did not start: ${messageOf(error)}\n`);
    if (!isOperational(error)) logger.error({ error }, 'start failed');
    await service.stop(1000).catch(() => undefined);
    process.exit(isOperational(error, 'CONFIG_INVALID') ? 78 : 1);
  }
  const addresses = Object.entries(service.addresses()).map(([key, value]) => `${key}=${value}`);
  process.stdout.write(`${name} ready ${addresses.join(' ')} pid=${process.pid}\n`);

  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      logger.warn({ signal }, 'second signal: stopping at once');
      process.exit(1);
    }
    stopping = true;
    logger.info({ signal }, 'stopping');
    void stopService(service, logger, stopDeadlineMs).then((code) => process.exit(code));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

async function stopService(service: ProcessService, logger: Logger, stopDeadlineMs: number): Promise<number> {
  // The backstop is armed first: whatever hangs below, the process is gone soon after its deadline.
  setTimeout(() => {
    logger.error({ stopDeadlineMs }, 'did not stop by the deadline');
    process.exit(1);
  }, stopDeadlineMs + 5000).unref();
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
  process.stderr.write(`bug: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n`);
  process.exit(70);
}
