import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';
import { DASH_NAME, HLS_NAME } from '../manifests/read-manifests.ts';

/**
 * Finds titles below a folder: every folder that has a manifest of the usual name. What lies below such a folder is the
 * title's own and is not looked into, so a walk costs a listing per title and not one per segment.
 */
export interface FolderListing {
  readonly names: ReadonlySet<string>;
  readonly folders: readonly string[];
}

const MAX_DEPTH = 16;
const MAX_FOLDERS = 1_000_000;

/**
 * Paths of the titles' folders below the top, in the order of names, parts separated by slashes; '' for the top itself.
 * @param list of a folder by its path
 */
export async function* findTitles(list: (path: string) => Promise<FolderListing>): AsyncGenerator<string> {
  const waiting: string[] = [''];
  for (let count = 0; ; count += 1) {
    const path = waiting.pop();
    if (path === undefined) return;
    if (count >= MAX_FOLDERS) throw new OperationalError('OVERLOADED', `more than ${MAX_FOLDERS} folders to look into`);
    const { names, folders } = await list(path);
    if (names.has(HLS_NAME) || names.has(DASH_NAME)) {
      yield path;
      continue;
    }
    if (path.split('/').length >= MAX_DEPTH) continue;
    for (const folder of folders.toSorted().reverse()) waiting.push(path === '' ? folder : `${path}/${folder}`);
  }
}

/** A symbolic link is neither file nor folder: it may lead anywhere. */
async function listDirectory(directory: string): Promise<FolderListing> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return {
      names: new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name)),
      folders: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    };
  } catch (error) {
    throw new OperationalError('MEDIA_BROKEN', `${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** Lists what lies below a directory. @throws OperationalError MEDIA_BROKEN */
export const listBelow =
  (top: string): ((path: string) => Promise<FolderListing>) =>
  (path) =>
    listDirectory(join(top, path));
