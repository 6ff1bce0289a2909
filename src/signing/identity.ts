import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { readFileIfThere, replaceFile } from '../state/state-file.ts';

/** A service's own Ed25519 key pair. It is made at the first start and stays in the service's state directory. */
export interface Identity {
  readonly id: string;
  /** `id:first 16 hex digits of SHA-256 of the public key`. */
  readonly keyId: string;
  /** Raw 32 bytes, base64. */
  readonly publicKey: string;
  sign(data: string | Uint8Array): string;
}

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const;
// DER of an Ed25519 SubjectPublicKeyInfo is this prefix and the 32 raw bytes (RFC 8410 section 4).
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads the key, or makes one where there is none. A key that cannot be read is never replaced: others know it.
 * @throws OperationalError STATE_CORRUPT when the file is there but is no Ed25519 key; VOLUME_IO, VOLUME_FULL
 */
export function loadOrCreateIdentity(id: string, file: string): Identity {
  let privateKey: KeyObject;
  const kept = readFileIfThere(file);
  if (kept !== undefined) {
    try {
      privateKey = createPrivateKey(kept);
    } catch (error) {
      throw new OperationalError('STATE_CORRUPT', `${file}: ${messageOf(error)}`, { cause: error });
    }
    if (privateKey.asymmetricKeyType !== 'ed25519')
      throw new OperationalError('STATE_CORRUPT', `${file}: not an Ed25519 key`);
  } else {
    privateKey = generateKeyPairSync('ed25519').privateKey;
    // Durable: a key that a power cut halves or takes back locks the service out, or means a new token for each peer.
    replaceFile(file, privateKey.export(PKCS8).toString(), { durable: true });
  }
  const publicKey = createPublicKey(privateKey)
    .export({ type: 'spki', format: 'der' })
    .subarray(SPKI_PREFIX.length)
    .toString('base64');
  return {
    id,
    keyId: keyIdOf(id, publicKey),
    publicKey,
    sign: (data) => sign(null, Buffer.from(data), privateKey).toString('base64'),
  };
}

export const keyIdOf = (id: string, publicKey: string): string =>
  `${id}:${createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)}`;

/** True when `signature` (base64) over `data` was made with the private half of `publicKey` (raw, base64). Never throws. */
export function verifySignature(publicKey: string, data: string | Uint8Array, signature: string): boolean {
  try {
    const der = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'base64')]);
    return verify(
      null,
      Buffer.from(data),
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      Buffer.from(signature, 'base64'),
    );
  } catch {
    return false;
  }
}
