import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { ApplianceConfig } from '../../config.ts';
import type { Libc } from '../../kernel/libc.ts';
import type { WireThreadData } from '../messages.ts';
import type { WireThreadLink } from '../owner/wire-thread-link.ts';
import { TlsKeys } from './tls-keys.ts';
import type { TlsThreadData } from './tls-messages.ts';

/** What the owner does for TLS threads that it does not do for wire threads. */
export interface TlsOwner {
  readonly keys: TlsKeys;
  /** The program of a thread, and what it is given. */
  readonly program: URL;
  dataOf(data: WireThreadData): TlsThreadData;
  /** The one thread of all that a tunnel belongs to. */
  linkOf(tunnel: number): WireThreadLink | undefined;
}

/**
 * @returns undefined where TLS is not asked for
 * @throws OperationalError CONFIG_INVALID naming what of certificate and key is missing or broken
 */
export function createTlsOwner(
  { tlsCert, tlsKey }: ApplianceConfig,
  context: { readonly libc: Libc; readonly world: World; readonly logger: Logger },
  links: () => readonly WireThreadLink[],
): TlsOwner | undefined {
  if (tlsCert === '' && tlsKey === '') return undefined;
  const { libc, logger, world } = context;
  const keys = new TlsKeys({
    certFile: tlsCert,
    keyFile: tlsKey,
    world,
    logger,
    onChange: (secrets) => {
      for (const link of links()) link.post({ kind: 'secrets', secrets });
    },
  });
  return {
    keys,
    program: new URL('./tls-thread.ts', import.meta.url),
    // Node closes the descriptor that a server listens on, so each thread has one of its own.
    dataOf: (data) => ({ ...data, listenFd: libc.duplicate(data.listenFd), secrets: keys.secrets }),
    linkOf: (tunnel) => {
      const all = links();
      return all[tunnel % all.length];
    },
  };
}
