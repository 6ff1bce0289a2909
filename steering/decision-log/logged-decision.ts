import type { ClientPlace } from '../answer/locate-client.ts';
import type { DataVersions } from '../answer/steering-state.ts';
import type { Candidate } from '../ranking/candidate.ts';
import type { SessionFacts } from '../ranking/session-facts.ts';

/** How an answer was worded. */
export type AnswerShape = 'json' | 'hls' | 'dash' | 'redirect' | 'manifest';

/**
 * One decision with everything that its ranking knew and what came of it, as plain data: enough to make it again
 * anywhere. Of the client it tells the neighbourhood, never the address.
 */
export interface LoggedDecision {
  readonly id: string;
  readonly atMs: number;
  readonly shape: AnswerShape;
  readonly titleId: string;
  readonly sessionId: string;
  readonly client: Pick<ClientPlace, 'prefix' | 'siteId' | 'evidence' | 'group' | 'network'>;
  readonly versions: DataVersions;
  readonly session: SessionFacts;
  readonly candidates: readonly Candidate[];
  /** Best first. */
  readonly ranked: readonly string[];
}

/** Of the document of a frame. */
export const LOG_FORMAT = 2;

/** The decisions of a frame's document. @throws Error when it is of another format */
export function decisionsOf(document: unknown): readonly LoggedDecision[] {
  const block = document as { readonly format?: unknown; readonly decisions?: readonly LoggedDecision[] } | null;
  if (block?.format !== LOG_FORMAT || block.decisions === undefined)
    throw new Error('a decision log of a format that this version does not read');
  return block.decisions;
}
