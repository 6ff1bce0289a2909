import { FollowedFiles } from '../../../src/config/followed-files.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { readTls } from '../../../src/server/json-server.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Timer, World } from '../../../src/world/world.ts';
import type { TlsSecrets } from './tls-messages.ts';

/** Certificates are renewed weeks before they end; a minute more or less is nothing. */
const POLL_MS = 10_000;
const MAX_FILE_BYTES = 2 ** 20;
/** Name, HMAC key and AES key of OpenSSL's session tickets. */
const TICKET_KEY_BYTES = 48;
/**
 * Who has the key of a ticket can read what was said in the sessions that it resumed under TLS 1.2, so no key lives
 * long. Node keeps one at a time: a ticket from before a change costs its client a full handshake, and tickets are good
 * for five minutes anyway.
 */
const TICKET_KEY_MS = 3_600_000;

export interface TlsKeysOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly world: World;
  readonly logger: Logger;
  /** Told of every change after `start`. */
  readonly onChange: (secrets: TlsSecrets) => void;
}

/**
 * What every TLS thread shakes hands with: the certificate as its files have it now, and a key for session tickets that
 * all threads share and nobody keeps. While the pair of files cannot be used (half replaced, unreadable) the last good
 * one goes on.
 */
export class TlsKeys implements Service {
  readonly #options: TlsKeysOptions;
  readonly #files: FollowedFiles;
  #secrets: TlsSecrets;
  #rotation: Timer | undefined;

  /** @throws OperationalError CONFIG_INVALID naming what is missing or broken */
  constructor(options: TlsKeysOptions) {
    const { certFile, keyFile, logger, world } = options;
    this.#options = options;
    this.#secrets = { ...readTls(certFile, keyFile), ticketKeys: this.#newTicketKeys() };
    this.#files = new FollowedFiles({
      files: [certFile, keyFile],
      maxBytes: MAX_FILE_BYTES,
      pollMs: POLL_MS,
      world,
      onChange: () => this.#replace(readTls(certFile, keyFile)),
      onState: (problem) => {
        if (problem === undefined) logger.info({ certFile }, 'certificate in use');
        else logger.error({ certFile, keyFile, problem }, 'certificate not taken: the one before stays in use');
      },
    });
  }

  /** As they are now. */
  get secrets(): TlsSecrets {
    return this.#secrets;
  }

  async start(): Promise<void> {
    await this.#files.start();
    this.#rotateLater();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#rotation?.cancel();
    await this.#files.stop(deadlineMs);
  }

  #rotateLater(): void {
    this.#rotation = this.#options.world.clock.setTimer(TICKET_KEY_MS, () => {
      this.#replace({ ticketKeys: this.#newTicketKeys() });
      this.#rotateLater();
    });
  }

  #replace(changed: Partial<TlsSecrets>): void {
    this.#secrets = { ...this.#secrets, ...changed };
    this.#options.onChange(this.#secrets);
  }

  #newTicketKeys(): Uint8Array {
    return this.#options.world.random.bytes(TICKET_KEY_BYTES);
  }
}
