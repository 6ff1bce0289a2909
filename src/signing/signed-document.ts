import { canonicalJson } from './canonical-json.ts';
import { type Identity, verifySignature } from './identity.ts';

/** A document with its signature inside: plans and file manifests, which are stored and passed on. */
export type Signed<T> = T & { readonly keyId: string; readonly signature: string };

export function signDocument<T extends object>(document: T, identity: Identity): Signed<T> {
  const named = { ...document, keyId: identity.keyId };
  return { ...named, signature: identity.sign(canonicalJson(named)) };
}

/**
 * Checks a document as it was received, before its unknown members are dropped.
 * @returns false for anything that is not signed by this key.
 */
export function documentVerifies(document: unknown, publicKey: string): boolean {
  if (typeof document !== 'object' || document === null || !('signature' in document)) return false;
  const { signature, ...rest } = document;
  if (typeof signature !== 'string') return false;
  try {
    return verifySignature(publicKey, canonicalJson(rest), signature);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
