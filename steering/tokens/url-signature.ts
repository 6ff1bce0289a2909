import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import { packIntoPath } from '../../src/tokens/token-package.ts';

/**
 * The token of one answer, and where it goes in the paths of its title: behind the folder that all files of the title
 * are in, so that whatever is relative to one of them keeps it. It opens that folder, and so titles should not share
 * one; a title whose files have no folder in common but the root cannot be signed.
 */
export interface UrlSignature {
  /** `/vod/t123` */
  readonly folder: string;
  readonly token: string;
  readonly expiresAtSec: number;
}

const MAX_PATH_CHARS = 1024;

/** The same for one answer: whether the origin's URLs carry it as well. */
export interface AnswerSignature extends UrlSignature {
  readonly originToo: boolean;
}

/** A path of the title with the token in it. @param path as it stands in the URL */
export function signPath(path: string, signature: UrlSignature | undefined): string {
  if (signature === undefined || !path.startsWith(`${signature.folder}/`)) return path;
  return packIntoPath(path, signature.folder, signature.token);
}

/** The folder that all files of a title are in, without trailing slash; undefined when that is the root. */
export function folderOf(title: CatalogueTitle): string | undefined {
  let common: string | undefined;
  for (const path of pathsOf(title)) {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    common = common === undefined ? folder : commonFolder(common, folder);
  }
  if (common === undefined || common === '/') return undefined;
  const parsed = parseTarget(common, { maxTargetChars: MAX_PATH_CHARS });
  // One that is not in normal form would be compared with something else than what players ask for.
  return parsed.kind === 'ok' && parsed.path === common ? common.slice(0, -1) : undefined;
}

function* pathsOf({ renditions, hls, dash }: CatalogueTitle): Generator<string> {
  for (const { files } of renditions) for (const { path } of files) yield path;
  for (const { playlistPath } of [...(hls?.variants ?? []), ...(hls?.media ?? [])]) yield playlistPath;
  if (dash !== undefined) yield dash.path;
}

function commonFolder(left: string, right: string): string {
  if (right.startsWith(left)) return left;
  let folder = left;
  while (!right.startsWith(folder)) folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  return folder;
}
