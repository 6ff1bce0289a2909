import { generateKeyPairSync } from 'node:crypto';
import type { TokenKey } from '../../../src/contracts/token-keys.ts';
import { type Claims, signJwt } from '../../../src/tokens/jwt.ts';
import { formatScope } from '../../../src/tokens/url-scope.ts';

export const NOW_MS = Date.UTC(2030, 0, 7);
export const NOW_SEC = NOW_MS / 1000;

/** A key pair as steering would have it. */
export class SigningKey {
  readonly tokenKey: TokenKey;
  readonly #privateKey;

  constructor(keyId: string, changes: Partial<TokenKey> = {}) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#privateKey = privateKey;
    this.tokenKey = {
      keyId,
      algorithm: 'EdDSA',
      publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('base64'),
      notAfterMs: NOW_MS + 86_400_000,
      issuer: 'steering',
      ...changes,
    };
  }

  /** A token for `/vod/t123/`, valid for an hour, with these claims instead. */
  token(changes: Claims = {}, type = 'JWT', keyId: string = this.tokenKey.keyId): string {
    const claims = {
      iss: 'steering',
      exp: NOW_SEC + 3600,
      cdniuc: formatScope({ kind: 'folder', path: '/vod/t123/' }),
      ...changes,
    };
    return signJwt(type, keyId, claims, this.#privateKey);
  }

  sign(type: string, claims: Claims): string {
    return signJwt(type, this.tokenKey.keyId, claims, this.#privateKey);
  }
}
