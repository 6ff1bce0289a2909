/**
 * When keys for signed URLs begin, retire and go (pure).
 *
 * A key that signs before every appliance knows it cuts viewers; one that is forgotten while its tokens still run cuts
 * them too. The usual answer, to wait a while after making a key, does not help on the day when one must be revoked at
 * once. So there is always a next key, which appliances are told of with the current one: rotation and revocation make
 * it current at that very moment, and nobody has to wait for anything. A key that has retired is checked with for as
 * long as the longest token that it may have signed; a revoked one is gone from the list with the next heartbeat.
 *
 * Limit: two rotations within one heartbeat would sign with a key that appliances have not heard of yet.
 */
export interface KeyTimes {
  readonly keyId: string;
  readonly madeAtMs: number;
  /** When it became current; undefined for the next one. */
  readonly activatedAtMs?: number | undefined;
  readonly retiredAtMs?: number | undefined;
}

export interface KeyPolicy {
  /** How long a key signs. */
  readonly rotateMs: number;
  /** The longest life of a token. */
  readonly maxTokenMs: number;
}

export type KeyRole = 'next' | 'current' | 'retired';

/** What an answer to a heartbeat can carry, less one that a rotation adds. */
const MAX_KEYS = 15;

export function roleOf({ activatedAtMs, retiredAtMs }: KeyTimes): KeyRole {
  if (retiredAtMs !== undefined) return 'retired';
  return activatedAtMs === undefined ? 'next' : 'current';
}

/** From when on nothing that the key signed counts, as far as can be said now. */
export function notAfterMs(key: KeyTimes, keys: readonly KeyTimes[], { rotateMs, maxTokenMs }: KeyPolicy): number {
  if (key.retiredAtMs !== undefined) return key.retiredAtMs + maxTokenMs;
  if (key.activatedAtMs !== undefined) return key.activatedAtMs + rotateMs + maxTokenMs;
  const current = keys.find((other) => roleOf(other) === 'current');
  return (current?.activatedAtMs ?? key.madeAtMs) + 2 * rotateMs + maxTokenMs;
}

/** Whether it is time for the next key. */
export function isRotationDue(keys: readonly KeyTimes[], nowMs: number, { rotateMs }: KeyPolicy): boolean {
  const current = keys.find((key) => roleOf(key) === 'current');
  return current?.activatedAtMs !== undefined && nowMs >= current.activatedAtMs + rotateMs;
}

/** Whether another rotation leaves room for all keys that still count. */
export const canRotate = (keys: readonly KeyTimes[]): boolean => keys.length < MAX_KEYS;

/** The keys after the next one has become current; a new next one is the caller's to add. */
export function rotated<K extends KeyTimes>(keys: readonly K[], nowMs: number): K[] {
  return keys.map((key) => {
    const role = roleOf(key);
    if (role === 'current') return { ...key, retiredAtMs: nowMs };
    return role === 'next' ? { ...key, activatedAtMs: nowMs } : key;
  });
}

/** The keys that still count. */
export function withoutExpired<K extends KeyTimes>(keys: readonly K[], nowMs: number, policy: KeyPolicy): K[] {
  return keys.filter((key) => nowMs < notAfterMs(key, keys, policy));
}
