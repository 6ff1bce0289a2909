import { isOperational } from '../../src/errors/operational-error.ts';
import type { Database } from '../../src/sqlite/open-database.ts';
import { openSoundDatabase, putAside } from '../../src/sqlite/open-sound-database.ts';
import type { Logger } from '../../src/telemetry/logger.ts';

/**
 * A database of what others told us and will tell again: it helps a restart and nothing depends on it. So one that is
 * damaged is put aside and begun anew instead of stopping the service; an operator can still look at what was put aside.
 * It is this process's alone: a second service on the same folder
 * does not start.
 * @throws OperationalError STATE_IN_USE; VOLUME_IO, VOLUME_FULL when even a new one cannot be made
 */
export function openKeptDatabase(
  file: string,
  migrations: URL,
  logger: Logger,
  { durable = false }: { readonly durable?: boolean } = {},
): Database {
  try {
    return openSoundDatabase(file, migrations, { durable });
  } catch (error) {
    if (!isOperational(error, 'STATE_CORRUPT')) throw error;
    logger.error({ file, error }, 'kept state is damaged: it is put aside and begun anew');
    putAside(file);
    return openSoundDatabase(file, migrations, { durable });
  }
}
