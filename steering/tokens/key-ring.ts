import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { renameSync } from 'node:fs';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { epochMsSchema } from '../../src/contracts/ids.ts';
import type { TokenKey } from '../../src/contracts/token-keys.ts';
import { isOperational, messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { type Claims, signJwt } from '../../src/tokens/jwt.ts';
import type { Clock } from '../../src/world/world.ts';
import {
  canRotate,
  isRotationDue,
  type KeyPolicy,
  type KeyRole,
  notAfterMs,
  roleOf,
  rotated,
  withoutExpired,
} from './key-schedule.ts';

const keySchema = z.object({
  keyId: z.string().min(1).max(64),
  privateKey: z.string(),
  madeAtMs: epochMsSchema,
  activatedAtMs: epochMsSchema.optional(),
  retiredAtMs: epochMsSchema.optional(),
});
const fileSchema = z.object({ version: z.literal(1), keys: z.array(keySchema).max(64) });

interface RingKey {
  readonly keyId: string;
  readonly madeAtMs: number;
  readonly activatedAtMs?: number | undefined;
  readonly retiredAtMs?: number | undefined;
  readonly privateKey: KeyObject;
  readonly publicKey: string;
}

/** A key as the operator sees it. */
export interface DescribedKey extends TokenKey {
  readonly role: KeyRole;
  readonly madeAtMs: number;
}

export interface TokenKeyRingOptions {
  readonly file: string;
  /** What tokens name as their issuer. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: KeyPolicy;
}

/**
 * The keys that URLs are signed with: made here, kept in a file that only its owner can read, rotated when they are due.
 * That is looked at whenever keys are used or told, so there is no timer. A file that cannot be read is put aside: with
 * new keys viewers need new manifests, without any nobody gets one. A disk that takes no writes costs a restart its
 * keys, and the log says so.
 */
export class TokenKeyRing {
  readonly #options: TokenKeyRingOptions;
  readonly #log: FailureLog;
  #keys: readonly RingKey[];

  constructor(options: TokenKeyRingOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'keep the keys for signed URLs: after a restart viewers need new ones');
    this.#keys = this.#load();
    const roles = new Set(this.#keys.map(roleOf));
    if (!roles.has('current')) this.#change([...this.#keys, this.#make({ isCurrent: true })]);
    if (!roles.has('next')) this.#change([...this.#keys, this.#make({ isCurrent: false })]);
  }

  /** What appliances are told, with their next heartbeat. */
  publicKeys(): TokenKey[] {
    return this.describe().map(({ role: _role, madeAtMs: _madeAtMs, ...key }) => key);
  }

  describe(): DescribedKey[] {
    this.#advance();
    const { issuer, policy } = this.#options;
    return this.#keys.map((key) => ({
      keyId: key.keyId,
      algorithm: 'EdDSA',
      publicKey: key.publicKey,
      notAfterMs: notAfterMs(key, this.#keys, policy),
      issuer,
      role: roleOf(key),
      madeAtMs: key.madeAtMs,
    }));
  }

  /** The key that signs now. */
  currentId(): string {
    this.#advance();
    return this.#current().keyId;
  }

  /** @param claims without `iss`, which is ours */
  sign(type: string, claims: Claims): string {
    this.#advance();
    const { keyId, privateKey } = this.#current();
    return signJwt(type, keyId, { iss: this.#options.issuer, ...claims }, privateKey);
  }

  /** Makes the next key current now. @returns false when too many retired ones still count */
  rotate(): boolean {
    this.#advance();
    if (!canRotate(this.#keys)) return false;
    this.#rotate();
    return true;
  }

  /** Forgets a key and all that it signed. @returns false when there is no such key */
  revoke(keyId: string): boolean {
    const revoked = this.#keys.find((key) => key.keyId === keyId);
    if (revoked === undefined) return false;
    const role = roleOf(revoked);
    const others = this.#keys.filter((key) => key !== revoked);
    if (role === 'retired') this.#change(others);
    else {
      const kept = role === 'current' ? rotated(others, this.#options.clock.nowMs()) : others;
      this.#change([...kept, this.#make({ isCurrent: false })]);
    }
    this.#options.logger.warn(
      { keyId, role },
      'a key for signed URLs is revoked: its tokens end with the next heartbeats',
    );
    return true;
  }

  #advance(): void {
    const nowMs = this.#options.clock.nowMs();
    const counting = withoutExpired(this.#keys, nowMs, this.#options.policy);
    if (isRotationDue(this.#keys, nowMs, this.#options.policy)) this.#rotate();
    else if (counting.length < this.#keys.length) this.#change(counting);
  }

  #rotate(): void {
    const { clock, logger, policy } = this.#options;
    const counting = withoutExpired(rotated(this.#keys, clock.nowMs()), clock.nowMs(), policy);
    this.#change([...counting, this.#make({ isCurrent: false })]);
    logger.info({ keyId: this.#current().keyId }, 'URLs are signed with the next key');
  }

  #current(): RingKey {
    const current = this.#keys.find((key) => roleOf(key) === 'current');
    if (current === undefined) throw new Error('no key signs: there is always one');
    return current;
  }

  #make({ isCurrent }: { readonly isCurrent: boolean }): RingKey {
    const nowMs = this.#options.clock.nowMs();
    const key = withPublicKey(generateKeyPairSync('ed25519').privateKey);
    return { ...key, madeAtMs: nowMs, ...(isCurrent ? { activatedAtMs: nowMs } : {}) };
  }

  #change(keys: readonly RingKey[]): void {
    this.#keys = keys;
    const document = {
      version: 1,
      keys: keys.map(({ publicKey: _publicKey, privateKey, ...key }) => ({
        ...key,
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      })),
    };
    try {
      writeStateFile(this.#options.file, document, { durable: true });
      this.#log.worked();
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#log.failed(error);
    }
  }

  #load(): RingKey[] {
    const { file, logger } = this.#options;
    try {
      const document = readStateFile(file);
      return document === undefined ? [] : readKeys(document, file);
    } catch (error) {
      if (!isOperational(error, 'STATE_CORRUPT')) throw error;
      logger.error(
        { file, error },
        'the keys for signed URLs are damaged: they are put aside, viewers need new manifests',
      );
      renameSync(file, `${file}.damaged`);
      return [];
    }
  }
}

function readKeys(document: unknown, file: string): RingKey[] {
  try {
    return parseContract('keys for signed URLs', fileSchema, document).keys.map(({ privateKey, ...key }) => ({
      ...withPublicKey(createPrivateKey(privateKey)),
      ...key,
    }));
  } catch (error) {
    throw new OperationalError('STATE_CORRUPT', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

function withPublicKey(privateKey: KeyObject): Pick<RingKey, 'keyId' | 'privateKey' | 'publicKey'> {
  const raw = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
  const keyId = `u-${createHash('sha256').update(raw).digest('hex').slice(0, 16)}`;
  return { keyId, privateKey, publicKey: raw.toString('base64') };
}
