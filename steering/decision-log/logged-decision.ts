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

/**
 * Decisions of the same second share most of what they knew: the same few hundred appliances in the same state. So
 * objects that are the same in memory are written once and referred to by number.
 */
interface Block {
  readonly format: 1;
  readonly parts: readonly unknown[];
  readonly decisions: ReadonlyArray<Omit<LoggedDecision, 'candidates'> & { readonly candidates: readonly Folded[] }>;
}

/** A candidate whose members that are objects stand in `parts`: their numbers under their names. */
interface Folded {
  readonly plain: Readonly<Record<string, unknown>>;
  readonly part: Readonly<Record<string, number>>;
}

/** Decisions as the document of one frame. */
export function foldDecisions(decisions: readonly LoggedDecision[]): Block {
  const numbers = new Map<object, number>();
  const fold = (candidate: Candidate): Folded => {
    const plain: Record<string, unknown> = {};
    const part: Record<string, number> = {};
    for (const [name, value] of Object.entries(candidate) as ReadonlyArray<[string, unknown]>) {
      if (typeof value !== 'object' || value === null) {
        plain[name] = value;
        continue;
      }
      let number = numbers.get(value);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(value, number);
      }
      part[name] = number;
    }
    return { plain, part };
  };
  const folded = decisions.map((decision) => ({ ...decision, candidates: decision.candidates.map(fold) }));
  return { format: 1, parts: [...numbers.keys()], decisions: folded };
}

/** The decisions of a frame's document. @throws Error when it is of another format */
export function unfoldDecisions(document: unknown): LoggedDecision[] {
  const block = document as Partial<Block> | null;
  if (block?.format !== 1 || block.parts === undefined || block.decisions === undefined)
    throw new Error('a decision log of a format that this version does not read');
  const { parts, decisions } = block;
  return decisions.map((decision) => ({
    ...decision,
    candidates: decision.candidates.map(
      ({ plain, part }) =>
        ({
          ...plain,
          ...Object.fromEntries(Object.entries(part).map(([name, number]) => [name, parts[number]])),
        }) as unknown as Candidate,
    ),
  }));
}
