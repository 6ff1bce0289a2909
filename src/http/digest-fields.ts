/**
 * Digest fields, RFC 9530: Content-Digest is of the bytes of one message, Repr-Digest of the whole representation,
 * whatever part of it a message carries. Only sha-256 and sha-512 are read: the others of the registry are broken or
 * no digests (section 5), and a recipient ignores what it does not know (section 2).
 */
import { readByteDictionary } from './structured-fields.ts';

export interface Digest {
  readonly algorithm: 'sha-256' | 'sha-512';
  readonly bytes: Uint8Array;
}

const LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha-512', 64],
  ['sha-256', 32],
]);

/**
 * The digest of a Content-Digest or Repr-Digest field to check by. Where it has both, sha-256: it is as good against
 * accidents and quicker on most machines. Undefined when there is none, or it has another length than its algorithm.
 */
export function readDigest(field: string | undefined): Digest | undefined {
  const members = field === undefined ? undefined : readByteDictionary(field);
  for (const algorithm of ['sha-256', 'sha-512'] as const) {
    const bytes = members?.get(algorithm);
    if (bytes !== undefined && bytes.length === LENGTHS.get(algorithm)) return { algorithm, bytes };
  }
  return undefined;
}
