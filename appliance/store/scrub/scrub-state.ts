import { readFile, rename, writeFile } from 'node:fs/promises';
import type { ScrubCursor } from './scrub-order.ts';

/** What of a scrub outlives a restart. Times are wall clock. */
export interface ScrubState {
  readonly cursor: ScrubCursor;
  readonly passBeganAtMs: number;
  /** Passes that have ended. */
  readonly passes: number;
  readonly sequentialBytesPerSec: number | undefined;
}

/** @returns undefined when there is none, or it makes no sense: then the scrub begins anew, which costs nothing but time */
export async function loadScrubState(file: string): Promise<ScrubState | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Replaces the file as a whole. @throws the error of the file system */
export async function saveScrubState(file: string, { cursor, ...rest }: ScrubState): Promise<void> {
  const fresh = `${file}.new`;
  await writeFile(fresh, `${JSON.stringify({ version: 1, ...cursor, ...rest })}\n`, { mode: 0o640 });
  await rename(fresh, file);
}

function parse(value: unknown): ScrubState | undefined {
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) return undefined;
  const number = (name: string): number | undefined => {
    const field = (value as Record<string, unknown>)[name];
    return typeof field === 'number' && Number.isFinite(field) && field >= 0 ? field : undefined;
  };
  const [round, id, block] = [number('round'), number('id'), number('block')];
  const [passBeganAtMs, passes] = [number('passBeganAtMs'), number('passes')];
  if (round === undefined || id === undefined || block === undefined) return undefined;
  if (passBeganAtMs === undefined || passes === undefined) return undefined;
  return {
    cursor: { round, id, block },
    passBeganAtMs,
    passes,
    sequentialBytesPerSec: number('sequentialBytesPerSec'),
  };
}
