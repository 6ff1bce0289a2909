import { createHash } from 'node:crypto';
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
 * A flipped bit in so small a file must not cost a whole disk: the file has a checksum, and a copy of it lies beside the
 * content, `v1/volume.json`, from which it is written anew. A copy that goes with what is erased brings nothing back.
 *
 * Limits: state that lies on the volume itself remembers nothing when that volume is away.
 */
export interface VolumeIdentity {
  readonly uuid: string;
}

const FORMAT = 1;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ERASED = /^v\d+\.erased-/;

/** What to do with a damaged identity. */
export interface IdentityRepair {
  /** Whether a copy of this name may be believed. */
  readonly believes: (uuid: string) => boolean;
  readonly onRepaired: () => void;
}

/**
 * Undefined when the folder has none, or is not there. One that is damaged is read from its copy, and written anew if
 * the disk takes that.
 * @throws OperationalError STATE_CORRUPT for a newer format, and for what is none; and what the file system throws
 */
export async function readIdentity(dir: string, repair: IdentityRepair): Promise<VolumeIdentity | undefined> {
  const path = identityPath(dir);
  const text = await textOf(path);
  if (text === undefined) return undefined;
  const found = parseIdentity(text);
  if (found === undefined) {
    const copy = parseIdentity((await textOf(copyPath(dir))) ?? '');
    if (copy?.format === FORMAT && repair.believes(copy.uuid)) {
      await writeIdentity(dir, copy).then(repair.onRepaired, () => undefined);
      return { uuid: copy.uuid };
    }
    const advice = `restore it, or begin an empty volume there: 'oca volumes reinit ${dir}'`;
    throw new OperationalError('STATE_CORRUPT', `${path} is damaged: ${advice}`);
  }
  if (found.format > FORMAT) {
    const detail = `${path} has format ${found.format}, this program knows ${FORMAT}: run a newer version`;
    throw new OperationalError('STATE_CORRUPT', detail);
  }
  return { uuid: found.uuid };
}

/** Durable when it resolves; the folder is made when it is not there. Throws what the file system throws. */
export async function writeIdentity(dir: string, identity: VolumeIdentity): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  await replaceDurably(identityPath(dir), formatIdentity(identity));
}

/** Makes sure of the copy beside the content of a volume that is open. Throws what the file system throws. */
export async function keepCopy(dir: string, identity: VolumeIdentity): Promise<void> {
  const text = formatIdentity(identity);
  if ((await textOf(copyPath(dir))) !== text) await replaceDurably(copyPath(dir), text);
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

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const formatIdentity = ({ uuid }: VolumeIdentity): string =>
  `${JSON.stringify({ format: FORMAT, uuid, check: checkOf(FORMAT, uuid) })}\n`;

/** The same in every format to come. */
const checkOf = (format: number, uuid: string): string =>
  createHash('sha256').update(`${format} ${uuid}`).digest('hex').slice(0, 16);

/** Undefined when it is damaged. */
function parseIdentity(text: string): { readonly format: number; readonly uuid: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('format' in value) || !('uuid' in value)) return undefined;
    const { format, uuid } = value;
    if (!Number.isSafeInteger(format) || typeof uuid !== 'string') return undefined;
    // The first volumes had none.
    if ('check' in value && value.check !== checkOf(Number(format), uuid)) return undefined;
    // A newer format may name its volumes otherwise; it is refused for its number.
    return Number(format) > FORMAT || UUID.test(uuid) ? { format: Number(format), uuid } : undefined;
  } catch {
    return undefined;
  }
}

const identityPath = (dir: string): string => join(dir, 'volume.json');
const copyPath = (dir: string): string => join(dir, 'v1', 'volume.json');
