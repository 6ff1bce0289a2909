import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { AddVolume } from '../object-store.ts';
import { diskFailure } from '../volume/data-file.ts';
import type { KnownVolume } from './known-volumes.ts';
import {
  eraseContent,
  hasContent,
  type IdentityRepair,
  readIdentity,
  type VolumeIdentity,
  writeIdentity,
} from './volume-identity.ts';

/**
 * Brings a folder and what is remembered of it to agree, or says why that is for the operator to do.
 *
 * | remembered | found | becomes |
 * | --- | --- | --- |
 * | new | nothing | a volume of the remembered name |
 * | new | a volume | that volume; where it is to be erased, an empty one of the remembered name |
 * | known | the same | that one |
 * | known | another of ours | that one: disks have changed places |
 * | known | nothing | refused: the disk is not mounted |
 * | known | a stranger's | refused: what it holds is not ours |
 *
 * What is found damaged counts as what its copy says, if that is one of ours.
 *
 * Safe to be killed in, and to be done again.
 * @returns what is to be remembered from now on; the same object when that has not changed
 * @throws OperationalError VOLUME_IO, STATE_CORRUPT; and what the file system throws
 */
export async function settleIdentity(
  known: KnownVolume,
  isOurs: (uuid: string) => boolean,
  onRepaired: () => void,
): Promise<KnownVolume> {
  const { dir, uuid } = known;
  const found = await find(known, { believes: (each) => known.isNew || isOurs(each), onRepaired });
  if (known.isNew) return settleNew(known, found);
  if (found?.uuid === uuid) return known;
  if (found === undefined) {
    const advice = `mount it, or begin anew with what is there: 'oca volumes reinit ${dir}'`;
    throw new OperationalError('VOLUME_IO', `${dir}: the disk that was here (${uuid}) is not mounted: ${advice}`);
  }
  if (!isOurs(found.uuid)) {
    const advice = `mount the right one, or 'oca volumes remove ${dir}' and add this one`;
    throw new OperationalError('VOLUME_IO', `${dir}: volume ${found.uuid} is where ${uuid} was: ${advice}`);
  }
  return { ...known, uuid: found.uuid };
}

async function settleNew(known: KnownVolume, found: VolumeIdentity | undefined): Promise<KnownVolume> {
  const settled = { ...known, isNew: false, erases: false };
  if (found?.uuid === known.uuid) return settled;
  if (found !== undefined && !known.erases) return { ...settled, uuid: found.uuid };
  if (known.erases) await eraseContent(known.dir, known.uuid);
  await writeIdentity(known.dir, known);
  return settled;
}

async function find(known: KnownVolume, repair: IdentityRepair): Promise<VolumeIdentity | undefined> {
  try {
    return await readIdentity(known.dir, repair);
  } catch (error) {
    // Whatever it is, it goes.
    if (known.isNew && known.erases && isOperational(error, 'STATE_CORRUPT')) return undefined;
    throw error;
  }
}

/**
 * What a folder that the operator adds is to become: what `settleIdentity` then makes it.
 * @throws OperationalError CONFIG_INVALID when it holds what was never ours and nobody said what shall become of that;
 *   STATE_CORRUPT, VOLUME_IO
 */
export async function lookBeforeAdding(
  dir: string,
  content: AddVolume['content'],
  isOurs: (uuid: string) => boolean,
): Promise<{ readonly uuid?: string; readonly isNew: boolean; readonly erases: boolean }> {
  if (content === 'erase') return { isNew: true, erases: true };
  try {
    const found = await readIdentity(dir, { believes: isOurs, onRepaired: () => undefined });
    const isStrange = found === undefined ? await hasContent(dir) : !isOurs(found.uuid);
    if (isStrange && content === 'refuse') {
      const whose =
        found === undefined ? 'of a volume without a name' : `of volume ${found.uuid}, which was never ours`;
      const advice = `add it with "content": "erase" to empty it, or "keep" to serve what it holds`;
      throw new OperationalError('CONFIG_INVALID', `${dir} has the content ${whose}: ${advice}`);
    }
    return found === undefined ? { isNew: true, erases: false } : { uuid: found.uuid, isNew: false, erases: false };
  } catch (error) {
    throw diskFailure(error, `look at ${dir}`);
  }
}
