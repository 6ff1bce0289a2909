import { Server as TlsServer } from 'node:tls';
import { FollowedFiles } from '../config/followed-files.ts';
import type { Service } from '../lifecycle/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { World } from '../world/world.ts';
import { type JsonServer, readTls } from './json-server.ts';

/** Certificates are renewed weeks before they end; a minute more or less is nothing. */
const POLL_MS = 10_000;
const MAX_FILE_BYTES = 2 ** 20;

/**
 * Keeps the certificate of a listener that of its files: connections that begin after a renewal get the new one, those
 * that are open keep theirs. While the pair cannot be used (half replaced, unreadable) the last good one goes on.
 */
export function renewTls(
  server: JsonServer,
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  { world, logger }: { readonly world: World; readonly logger: Logger },
): Service {
  return new FollowedFiles({
    files: [certFile, keyFile],
    maxBytes: MAX_FILE_BYTES,
    pollMs: POLL_MS,
    world,
    onChange: () => {
      const pair = readTls(certFile, keyFile);
      if (server.server instanceof TlsServer) server.server.setSecureContext(pair);
    },
    onState: (problem) => {
      if (problem === undefined) logger.info({ certFile }, 'certificate in use');
      else logger.error({ certFile, keyFile, problem }, 'certificate not taken: the one before stays in use');
    },
  });
}
