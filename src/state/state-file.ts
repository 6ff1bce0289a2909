import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, OperationalError } from '../errors/operational-error.ts';

/** One JSON document in one file. As `replaceFile`. @throws OperationalError VOLUME_FULL, VOLUME_IO */
export function writeStateFile(file: string, document: unknown, options: { durable: boolean }): void {
  replaceFile(file, JSON.stringify(document), options);
}

/**
 * Replaces a file as a whole: it is written beside and renamed, so that a reader (and the next start after a kill)
 * finds the old one or the new one, never half of one. Only its owner can read it.
 * @param options durable: also survives a power cut, for what cannot be fetched again; costs two fsyncs
 * @throws OperationalError VOLUME_FULL, VOLUME_IO
 */
export function replaceFile(file: string, text: string, options: { durable: boolean }): void {
  const beside = `${file}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const handle = openSync(beside, 'w', 0o600);
    try {
      const bytes = Buffer.from(text);
      // A write may take less than it is given, on a disk that is nearly full.
      for (let written = 0; written < bytes.length; ) written += writeSync(handle, bytes, written);
      if (options.durable) fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(beside, file);
    if (options.durable) syncFolder(dirname(file));
  } catch (error) {
    const full = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
    throw new OperationalError(full ? 'VOLUME_FULL' : 'VOLUME_IO', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The text of a file, or undefined when there is none. @throws OperationalError VOLUME_IO */
export function readFileIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new OperationalError('VOLUME_IO', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The document, unchecked, or undefined when there is no such file. @throws OperationalError STATE_CORRUPT, VOLUME_IO */
export function readStateFile(file: string): unknown {
  const text = readFileIfThere(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperationalError('STATE_CORRUPT', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
