import { OperationalError } from '../../../src/errors/operational-error.ts';

/**
 * Where a packaged title is read from: a directory, a web server or an object store. Files are named by their path
 * inside the title, as it stands in a URL (`video/seg%201.m4s`); nothing outside the title's own folder can be named.
 */
export interface TitleSource {
  /** The folder for messages: the directory or URL. The same folder is always described by the same words. */
  readonly description: string;
  /** URL of the title's folder, with a trailing slash. References in manifests resolve against it. */
  readonly folderUrl: string;
  /**
   * Opens one file; undefined when there is none of that name.
   * @param from where to begin, in the very file that has this validator
   * @throws OperationalError MEDIA_BROKEN when it is no file or leaves the folder; SOURCE_* when a web server fails;
   * SOURCE_CHANGED when the file is another by now
   */
  open(titlePath: string, signal: AbortSignal, from?: ReadFrom): Promise<OpenedFile | undefined>;
  /** The validator of a file without its bytes; undefined when there is no file, or nothing to tell it by. */
  identify(titlePath: string, signal: AbortSignal): Promise<string | undefined>;
}

export interface ReadFrom {
  readonly startByte: number;
  readonly validator: string;
}

export interface OpenedFile {
  /** Of the whole file; undefined when the web server did not say. */
  readonly sizeBytes: number | undefined;
  /** Equal validators are equal bytes; undefined when the source gives nothing to tell by. */
  readonly validator: string | undefined;
  /** The bytes; ends early by throwing when the source gives fewer than it said. Read it to the end or call `close`. */
  readonly chunks: AsyncIterable<Buffer>;
  close(): void;
}

/** A file that somebody named and that is not there. */
export const noSuchFile = (titlePath: string): OperationalError =>
  new OperationalError('MEDIA_BROKEN', `${titlePath}: no such file`);

/** Folder URL of what has none: a title in a directory. */
export const DIRECTORY_FOLDER_URL = 'http://title.invalid/title/';

/**
 * The path inside the title of a reference in a manifest.
 * @param reference as it stands there: relative, or absolute inside the same folder
 * @param baseUrl absolute URL that it is relative to
 * @throws OperationalError MEDIA_BROKEN when it leads outside the folder or carries a query
 */
export function titlePathOf(reference: string, baseUrl: string, folderUrl: string, namedIn: string): string {
  const refuse = (why: string): never => {
    throw new OperationalError('MEDIA_BROKEN', `${namedIn} names '${reference.slice(0, 200)}', which ${why}`);
  };
  if (!URL.canParse(reference, baseUrl)) refuse('is no URL');
  const url = new URL(reference, baseUrl);
  const folder = new URL(folderUrl);
  if (url.origin !== folder.origin || !url.pathname.startsWith(folder.pathname))
    refuse("is outside the title's folder");
  if (url.search !== '') refuse('carries a query; files of a title have none');
  const path = url.pathname.slice(folder.pathname.length);
  if (path === '' || path.endsWith('/')) refuse('is a folder');
  if (decodeTitlePath(path) === undefined) refuse("has an encoding that could leave the title's folder");
  return path;
}

/** The file name parts behind a title path, or undefined when an escape hides a separator or a step upwards. */
export function decodeTitlePath(titlePath: string): string[] | undefined {
  try {
    const parts = titlePath.split('/').map(decodeURIComponent);
    const isPlain = (part: string): boolean => part !== '' && part !== '.' && part !== '..' && !/[/\\\0]/.test(part);
    return parts.every(isPlain) ? parts : undefined;
  } catch {
    return undefined;
  }
}
