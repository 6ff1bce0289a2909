import { type BigIntStats, createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';
import {
  DIRECTORY_FOLDER_URL,
  decodeTitlePath,
  type OpenedFile,
  type ReadFrom,
  type TitleSource,
} from './title-source.ts';

const READ_BYTES = 1024 * 1024;

/** A title in a directory that this process can read. @throws OperationalError MEDIA_BROKEN when it is none. */
export async function openDirectorySource(directory: string): Promise<TitleSource> {
  const root = await realpath(directory).catch((error: unknown) => {
    throw new OperationalError('MEDIA_BROKEN', `${directory}: ${whyNotRead(error)}`, { cause: error });
  });
  if (!(await stat(root)).isDirectory()) throw new OperationalError('MEDIA_BROKEN', `${directory} is not a directory`);
  return {
    description: directory,
    folderUrl: DIRECTORY_FOLDER_URL,
    open: (titlePath, signal, from) => openFile(root, titlePath, signal, from),
    identify: async (titlePath) => (await findFile(root, titlePath))?.validator,
  };
}

/** A tool on another machine is called with directories of that machine: the likeliest mistake. */
function whyNotRead(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return "no such directory on the planner's machine";
  return code === 'EACCES' ? "the planner's user may not read it" : messageOf(error);
}

interface FoundFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly validator: string;
  readonly broken: (why: string, cause?: unknown) => OperationalError;
}

async function findFile(root: string, titlePath: string): Promise<FoundFile | undefined> {
  const parts = decodeTitlePath(titlePath);
  if (parts === undefined) throw new OperationalError('MEDIA_BROKEN', `'${titlePath}' is no path inside the title`);
  const broken = (why: string, cause?: unknown): OperationalError =>
    new OperationalError('MEDIA_BROKEN', `${parts.join('/')}: ${why}`, { cause });
  let file: string;
  try {
    file = await realpath(join(root, ...parts));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw broken(messageOf(error), error);
  }
  // A symbolic link may point anywhere; what it points at must still be of this title.
  if (!file.startsWith(root + sep)) throw broken("a symbolic link leads outside the title's folder");
  const facts = await stat(file, { bigint: true });
  if (!facts.isFile()) throw broken('is not a file');
  return { file, sizeBytes: Number(facts.size), validator: validatorOf(facts), broken };
}

/** A change of content changes the change time, whatever anybody sets the modification time to. */
const validatorOf = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string => `${size}-${mtimeNs}-${ctimeNs}-${ino}`;

async function openFile(
  root: string,
  titlePath: string,
  signal: AbortSignal,
  from: ReadFrom | undefined,
): Promise<OpenedFile | undefined> {
  const found = await findFile(root, titlePath);
  if (found === undefined) return undefined;
  const { file, sizeBytes, validator } = found;
  if (from !== undefined && from.validator !== validator)
    throw new OperationalError('SOURCE_CHANGED', `${titlePath}: is another file than before`);
  const start = from?.startByte ?? 0;
  const stream = createReadStream(file, { highWaterMark: READ_BYTES, signal, start });
  return {
    sizeBytes,
    validator,
    chunks: readExactly(stream, sizeBytes - start, found),
    close: () => {
      stream.on('error', () => undefined).destroy();
    },
  };
}

async function* readExactly(
  stream: AsyncIterable<unknown>,
  sizeBytes: number,
  { file, validator, broken }: FoundFile,
): AsyncGenerator<Buffer> {
  let readBytes = 0;
  try {
    for await (const chunk of stream) {
      readBytes += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw broken(messageOf(error), error);
  }
  if (readBytes !== sizeBytes) throw broken(`changed while it was read: ${sizeBytes} bytes became ${readBytes}`);
  if (validatorOf(await stat(file, { bigint: true })) !== validator) throw broken('changed while it was read');
}
