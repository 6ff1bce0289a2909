/**
 * Digest fields, RFC 9530: Content-Digest is of the bytes of one message, Repr-Digest of the whole representation,
 * whatever part of it a message carries. Only sha-256 and sha-512 are read: the others of the registry are broken or
 * no digests (section 5), and a recipient ignores what it does not know (section 2).
 */
import { readByteDictionary, readDictionary } from './structured-fields.ts';

export type DigestAlgorithm = 'sha-256' | 'sha-512';

export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly bytes: Uint8Array;
}

const LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha-512', 64],
  ['sha-256', 32],
]);
/** Section 4: from 1 to 10, and 0 for "not acceptable". */
const MAX_PREFERENCE = 10;

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

/**
 * What of a known Repr-Digest answers a Want-Repr-Digest (section 4), as a field value: the known one that is wanted
 * most. Undefined when none of the known is wanted, or the wish does not parse; then nothing need be sent.
 */
export function answerWant(want: string | undefined, known: string | undefined): string | undefined {
  const wishes = want === undefined ? undefined : readDictionary(want);
  const members = known === undefined ? undefined : readByteDictionary(known);
  let best: { readonly value: string; readonly preference: number } | undefined;
  for (const [algorithm, lengthBytes] of LENGTHS) {
    const bytes = members?.get(algorithm);
    const wish = wishes?.get(algorithm);
    const preference = wish?.kind === 'number' && wish.value <= MAX_PREFERENCE ? wish.value : 0;
    if (bytes?.length !== lengthBytes || preference <= (best?.preference ?? 0)) continue;
    best = { value: `${algorithm}=:${Buffer.from(bytes).toString('base64')}:`, preference };
  }
  return best?.value;
}
