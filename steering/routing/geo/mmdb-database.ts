import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Reader, type Response } from 'mmdb-lib';
import { messageOf } from '../../../src/errors/operational-error.ts';
import type { LoadedFile } from '../files/watched-file.ts';
import type { AddressDatabase } from './origin-lookup.ts';

/**
 * The one wrapper of the mmdb-lib package: a MaxMind DB file (format 2.0) as a database by address.
 *
 * Its reader takes what it is given: a file that ends too early or points outside itself is noticed when somebody asks
 * for the address. So the frame is checked here (metadata, kind, whether the tree fits into the file, some addresses
 * looked up), and a record that cannot be read is an address that is not known.
 */
export interface MmdbKind<T> {
  /** For messages: `ASN`. */
  readonly what: string;
  readonly valueOf: (record: unknown) => T | undefined;
}

/** `autonomous_system_number`, as MaxMind, DB-IP and others write it. */
export const ASN_RECORDS: MmdbKind<number> = {
  what: 'ASN',
  valueOf: (record) => numberOf(fieldOf(record, 'autonomous_system_number')) ?? numberOf(fieldOf(record, 'asn')),
};

/** `country.iso_code`, else `registered_country.iso_code` or a plain `country_code`; in lower case. */
export const COUNTRY_RECORDS: MmdbKind<string> = {
  what: 'country',
  valueOf: (record) =>
    codeOf(fieldOf(fieldOf(record, 'country'), 'iso_code')) ??
    codeOf(fieldOf(fieldOf(record, 'registered_country'), 'iso_code')) ??
    codeOf(fieldOf(record, 'country_code')),
};

/** What is known of that many records is remembered: few of a million clients are in different ones. */
const MAX_REMEMBERED = 20_000;
const MAX_TREE_NODES = 2 ** 28;
const SEPARATOR_BYTES = 16;
const PROBES = ['1.1.1.1', '8.8.8.8', '192.5.6.30', '2001:4860:4860::8888', '2620:fe::fe'];

/** @throws whatever reading the file threw */
export async function loadMmdb<T>(file: string, kind: MmdbKind<T>): Promise<LoadedFile<AddressDatabase<T>>> {
  return openMmdb(await readFile(file), kind);
}

export function openMmdb<T>(bytes: Buffer, kind: MmdbKind<T>): LoadedFile<AddressDatabase<T>> {
  try {
    const reader = new Reader<Response>(bytes, { cache: new Remembered() });
    const problem = problemOfFrame(reader.metadata, bytes.length);
    if (problem !== undefined) return { kind: 'broken', problems: [problem] };
    for (const probe of PROBES) reader.get(probe);
    const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
    return { kind: 'good', content: { version, find: (address) => find(reader, address, kind) } };
  } catch (error) {
    return { kind: 'broken', problems: [`is no sound MaxMind DB: ${messageOf(error)}`] };
  }
}

function problemOfFrame(metadata: Reader<Response>['metadata'], bytes: number): string | undefined {
  const { nodeCount, ipVersion, searchTreeSize, binaryFormatMajorVersion } = metadata;
  if (binaryFormatMajorVersion !== 2) return `has format version ${binaryFormatMajorVersion} instead of 2`;
  if (ipVersion !== 4 && ipVersion !== 6) return `is of IP version ${String(ipVersion)}`;
  if (!Number.isInteger(nodeCount) || nodeCount < 0 || nodeCount > MAX_TREE_NODES) return 'has no sound count of nodes';
  if (searchTreeSize + SEPARATOR_BYTES > bytes) return 'ends before its search tree does';
  return undefined;
}

function find<T>(reader: Reader<Response>, address: string, kind: MmdbKind<T>): T | undefined {
  if (reader.metadata.ipVersion === 4 && address.includes(':')) return undefined;
  try {
    return kind.valueOf(reader.get(address));
  } catch {
    // A record that points outside the file: this address is not known.
    return undefined;
  }
}

class Remembered {
  readonly #records = new Map<string | number, unknown>();

  get(key: string | number): unknown {
    return this.#records.get(key);
  }

  set(key: string | number, value: unknown): void {
    if (this.#records.size >= MAX_REMEMBERED) this.#records.clear();
    this.#records.set(key, value);
  }
}

const fieldOf = (record: unknown, name: string): unknown =>
  typeof record === 'object' && record !== null ? (record as Readonly<Record<string, unknown>>)[name] : undefined;

/** DB-IP and others write some numbers as text, with or without `AS`. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^(?:AS)?(\d{1,10})$/i.exec(value) : null;
  return match === null ? undefined : Number(match[1]);
}

const codeOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? value.toLowerCase() : undefined;
