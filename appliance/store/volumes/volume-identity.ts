import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { errnoOf } from '../volume/data-file.ts';
import { replaceDurably, syncFolder } from './durable-file.ts';

/**
 * Which disk this is.
 *
 * Problem: a path is no disk. After a boot without one of its disks the path is an empty folder of the system disk, and
 * a cache that begins anew there fills the system disk. Two disks may change places, one may be replaced, and a copy of
 * one may be mounted beside it.
 *
 * Idea: each volume says who it is, in a small file at its root, `volume.json`: a UUID and the version of the format.
 * The appliance remembers in its own state which UUID belongs to which folder (known-volumes.ts); a folder that it
 * remembers is never begun anew because the file is missing. Keys are spread by UUID, so that a disk that moves to
 * another folder keeps its keys.
 *
 * Limits: state that lies on the volume itself remembers nothing when that volume is away.
 */
export interface VolumeIdentity {
  readonly uuid: string;
}

const FORMAT = 1;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ERASED = /^v\d+\.erased-/;

/**
 * Undefined when the folder has none, or is not there.
 * @throws OperationalError STATE_CORRUPT for a newer format, and for what is none; and what the file system throws
 */
export async function readIdentity(dir: string): Promise<VolumeIdentity | undefined> {
  const path = identityPath(dir);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const found = parseIdentity(text);
  if (found === undefined) {
    throw new OperationalError('STATE_CORRUPT', `${path} is damaged: restore it, or re-initialise the volume`);
  }
  if (found.format > FORMAT) {
    const detail = `${path} has format ${found.format}, this program knows ${FORMAT}: run a newer version`;
    throw new OperationalError('STATE_CORRUPT', detail);
  }
  return { uuid: found.uuid };
}

/** Durable when it resolves; the folder is made when it is not there. Throws what the file system throws. */
export async function writeIdentity(dir: string, { uuid }: VolumeIdentity): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  await replaceDurably(identityPath(dir), `${JSON.stringify({ format: FORMAT, uuid })}\n`);
}

/** Whether something was kept here by a version that knew no identities, or by a volume that lost its own. */
export async function hasContent(dir: string): Promise<boolean> {
  return (await namesIn(dir)).includes('v1');
}

/**
 * Puts aside what a volume holds, in one step that a kill leaves done or not done; `removeErased` gives the room free.
 * Throws what the file system throws.
 */
export async function eraseContent(dir: string, name: string): Promise<void> {
  try {
    await rename(join(dir, 'v1'), join(dir, `v1.erased-${name}`));
    await syncFolder(dir);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Removes what was put aside; takes as long as there are files. Throws what the file system throws. */
export async function removeErased(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (ERASED.test(name)) await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function parseIdentity(text: string): { readonly format: number; readonly uuid: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('format' in value) || !('uuid' in value)) return undefined;
    const { format, uuid } = value;
    if (!Number.isSafeInteger(format) || typeof uuid !== 'string') return undefined;
    // A newer format may name its volumes otherwise; it is refused for its number.
    return Number(format) > FORMAT || UUID.test(uuid) ? { format: Number(format), uuid } : undefined;
  } catch {
    return undefined;
  }
}

const identityPath = (dir: string): string => join(dir, 'volume.json');
