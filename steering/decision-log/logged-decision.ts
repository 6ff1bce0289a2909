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

const FORMAT = 2;

/** One decision as a line of a frame's document: text at once, because what waits as objects the collector takes for old. */
export const encodeDecision = (decision: LoggedDecision): Buffer => Buffer.from(JSON.stringify(decision));

/** Decisions as the document of one frame, in JSON. They share most of what they knew, which compression finds. */
export function joinDecisions(encoded: readonly Buffer[]): Buffer {
  const lines = encoded.flatMap((line, index) => (index === 0 ? [line] : [Buffer.from(','), line]));
  return Buffer.concat([Buffer.from(`{"format":${FORMAT},"decisions":[`), ...lines, Buffer.from(']}')]);
}

/** The decisions of a frame's document. @throws Error when it is of another format */
export function decisionsOf(document: unknown): readonly LoggedDecision[] {
  const block = document as { readonly format?: unknown; readonly decisions?: readonly LoggedDecision[] } | null;
  if (block?.format !== FORMAT || block.decisions === undefined)
    throw new Error('a decision log of a format that this version does not read');
  return block.decisions;
}
