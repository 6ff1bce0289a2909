import { createHash } from 'node:crypto';
import type { Enrolment, ServiceRole } from '../contracts/enrolment.ts';
import { isOperational, messageOf } from '../errors/operational-error.ts';
import { keyIdOf } from '../signing/identity.ts';
import type { Database } from '../sqlite/open-database.ts';
import { openSoundDatabase, putAside } from '../sqlite/open-sound-database.ts';
import { transact } from '../sqlite/transact.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { World } from '../world/world.ts';
import { readCopy, type TrustedRow, writeCopy } from './trusted-keys-copy.ts';

/**
 * Who may call a service: public keys by key id, and the one-time tokens by which a new key gets in. Tokens are kept
 * as hashes, work once, for one id and role, and expire. Enrolling an id again replaces its key: a reinstalled
 * appliance needs a new token, and its old key is dead. The same key with the token that registered it is told again
 * that it is enrolled: the first answer may have been lost, and the token is worth nothing to any other key.
 */
const TOKEN_LIFE_MS = 24 * 3_600_000;
const MIGRATIONS = new URL('./migrations/', import.meta.url);

export interface TrustedKey {
  readonly id: string;
  readonly role: ServiceRole;
  readonly publicKey: string;
}

export class TrustedKeys {
  readonly #file: string;
  readonly #database: Database;
  readonly #world: World;
  readonly #logger: Logger | undefined;
  readonly #keys = new Map<string, TrustedKey>();

  /**
   * @param file its own SQLite file in the service's state directory
   * @param logger of a service that goes on with the copy of the keys when the file is damaged; without one that is
   *   an error
   * @throws OperationalError STATE_IN_USE, STATE_CORRUPT, VOLUME_IO
   */
  constructor(file: string, world: World, logger?: Logger) {
    this.#file = file;
    this.#world = world;
    this.#logger = logger;
    this.#database = this.#open();
    for (const { keyId, id, role, publicKey } of rowsOf(this.#database)) this.#keys.set(keyId, { id, role, publicKey });
    this.#copy();
  }

  find(keyId: string): TrustedKey | undefined {
    return this.#keys.get(keyId);
  }

  /**
   * A new token for one service to enrol with, once, within 24 hours. It is shown here and never again.
   * @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  mintToken(id: string, role: ServiceRole): string {
    const token = this.#world.random.bytes(24).toString('base64url');
    const nowMs = this.#world.clock.nowMs();
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM enrolment_token WHERE expires_at_ms < ?').run(nowMs);
      this.#database
        .prepare('INSERT INTO enrolment_token VALUES (?, ?, ?, ?)')
        .run(hashOf(token), id, role, nowMs + TOKEN_LIFE_MS);
    });
    return token;
  }

  /** Spends the token and registers the key. @returns the key id, or why not. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  enrol(enrolment: Enrolment): { kind: 'enrolled'; keyId: string } | { kind: 'refused'; reason: string } {
    const nowMs = this.#world.clock.nowMs();
    const keyId = keyIdOf(enrolment.id, enrolment.publicKey);
    if (this.#wasRegisteredWith(keyId, enrolment)) return { kind: 'enrolled', keyId };
    const spent = transact(this.#database, () => {
      const spend = this.#database.prepare(
        'DELETE FROM enrolment_token WHERE token_sha256 = ? AND id = ? AND role = ? AND expires_at_ms >= ?',
      );
      if (spend.run(hashOf(enrolment.token), enrolment.id, enrolment.role, nowMs).changes === 0) return false;
      // The same key under another role is replaced as well: a key has one role.
      this.#database
        .prepare('DELETE FROM trusted_key WHERE (id = ? AND role = ?) OR key_id = ?')
        .run(enrolment.id, enrolment.role, keyId);
      this.#database
        .prepare(
          'INSERT INTO trusted_key (key_id, id, role, public_key, token_sha256, enrolled_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(keyId, enrolment.id, enrolment.role, enrolment.publicKey, hashOf(enrolment.token), nowMs);
      return true;
    });
    if (!spent)
      return {
        kind: 'refused',
        reason: `no such token for ${enrolment.role} ${enrolment.id}: it was used, has expired or is for another service`,
      };
    for (const [oldKeyId, key] of this.#keys) {
      if (key.id === enrolment.id && key.role === enrolment.role) this.#keys.delete(oldKeyId);
    }
    this.#keys.set(keyId, { id: enrolment.id, role: enrolment.role, publicKey: enrolment.publicKey });
    this.#copy();
    return { kind: 'enrolled', keyId };
  }

  close(): void {
    this.#database.close();
  }

  #open(): Database {
    const file = this.#file;
    try {
      return openSoundDatabase(file, MIGRATIONS, { durable: true });
    } catch (error) {
      if (this.#logger === undefined || !isOperational(error, 'STATE_CORRUPT')) throw error;
      const rows = this.#readCopy();
      this.#logger.error(
        { file, error, keys: rows.length },
        'the keys of enrolled services are damaged: put aside, and taken from their copy; tokens that were not used are lost',
      );
      putAside(file);
      const database = openSoundDatabase(file, MIGRATIONS, { durable: true });
      transact(database, () => {
        const insert = database.prepare('INSERT INTO trusted_key VALUES (?, ?, ?, ?, ?, ?)');
        for (const { keyId, id, role, publicKey, tokenSha256, enrolledAtMs } of rows)
          insert.run(keyId, id, role, publicKey, tokenSha256, enrolledAtMs);
      });
      return database;
    }
  }

  #readCopy(): TrustedRow[] {
    try {
      return readCopy(this.#file);
    } catch (error) {
      this.#logger?.error(
        { file: this.#file, reason: messageOf(error) },
        'the copy of the keys cannot be read either: enrol every service again',
      );
      return [];
    }
  }

  /** A copy that cannot be written is no reason to refuse what the database has taken. */
  #copy(): void {
    if (this.#logger === undefined) return;
    try {
      writeCopy(this.#file, rowsOf(this.#database));
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#logger.error({ file: this.#file, error }, 'the copy of the enrolled keys cannot be written');
    }
  }

  #wasRegisteredWith(keyId: string, { role, token }: Enrolment): boolean {
    const row = this.#database
      .prepare('SELECT 1 FROM trusted_key WHERE key_id = ? AND role = ? AND token_sha256 = ?')
      .get(keyId, role, hashOf(token));
    return row !== undefined;
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

const rowsOf = (database: Database): TrustedRow[] =>
  database
    .prepare<[], TrustedRow>(
      `SELECT key_id AS keyId, id, role, public_key AS publicKey, token_sha256 AS tokenSha256,
         enrolled_at_ms AS enrolledAtMs FROM trusted_key`,
    )
    .all();
