import { createHash } from 'node:crypto';
import type { Enrolment, ServiceRole } from '../contracts/enrolment.ts';
import { keyIdOf } from '../signing/identity.ts';
import { migrate } from '../sqlite/migrate.ts';
import { type Database, openDatabase } from '../sqlite/open-database.ts';
import { transact } from '../sqlite/transact.ts';
import type { World } from '../world/world.ts';

/**
 * Who may call a service: public keys by key id, and the one-time tokens by which a new key gets in. Tokens are kept
 * as hashes, work once, for one id and role, and expire. Enrolling an id again replaces its key: a reinstalled
 * appliance needs a new token, and its old key is dead. The same key with the token that registered it is told again
 * that it is enrolled: the first answer may have been lost, and the token is worth nothing to any other key.
 */
const TOKEN_LIFE_MS = 24 * 3_600_000;

export interface TrustedKey {
  readonly id: string;
  readonly role: ServiceRole;
  readonly publicKey: string;
}

export class TrustedKeys {
  readonly #database: Database;
  readonly #world: World;
  readonly #keys = new Map<string, TrustedKey>();

  /**
   * @param file its own SQLite file in the service's state directory
   * @throws OperationalError STATE_IN_USE, STATE_CORRUPT, VOLUME_IO
   */
  constructor(file: string, world: World) {
    this.#world = world;
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    const rows = this.#database.prepare<[], TrustedKey & { keyId: string }>(
      'SELECT key_id AS keyId, id, role, public_key AS publicKey FROM trusted_key',
    );
    for (const { keyId, ...key } of rows.all()) this.#keys.set(keyId, key);
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
    return { kind: 'enrolled', keyId };
  }

  close(): void {
    this.#database.close();
  }

  #wasRegisteredWith(keyId: string, { role, token }: Enrolment): boolean {
    const row = this.#database
      .prepare('SELECT 1 FROM trusted_key WHERE key_id = ? AND role = ? AND token_sha256 = ?')
      .get(keyId, role, hashOf(token));
    return row !== undefined;
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
