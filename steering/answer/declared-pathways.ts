import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../ranking/candidate.ts';

/**
 * What the manifest of a running session declared.
 *
 * A player can use only the pathways that its manifest declared. The ranking keeps a session's home for as long as it
 * can, but a fleet grows: hours later seven appliances may be better than the three of the manifest, and an answer that
 * names only those sends the session to the origin beside three boxes that would serve it. Steering keeps nothing of
 * sessions, so the manifest tells: the appliances that it declared stand in the RELOAD-URI, come back with every
 * question, and are put into the answer again for as long as they may serve.
 *
 * Whoever forges the list changes its own answer and nobody else's: it is bounded, and only ids of appliances that serve
 * ever come of it. A URL without the list is from elsewhere (or from an older version) and gets the ranking as it is.
 */
export type DeclaredIds = readonly string[];

/** More than any manifest of ours declares. */
const MAX_DECLARED = 8;
/** The one mark that no id holds and no player encodes when it puts its own parameters behind (URL, forms, bytes). */
const MARK = '*';
const ID = /^[a-z0-9][a-z0-9._-]{0,31}$/;

export const formatDeclared = (ids: DeclaredIds): string => ids.join(MARK);

/** @param text as it came back; undefined when the question has none. Ids that cannot be ones of ours are dropped. */
export function parseDeclared(text: string | undefined): DeclaredIds | undefined {
  if (text === undefined) return undefined;
  const ids = text.split(MARK, MAX_DECLARED).filter((id) => ID.test(id) && id !== ORIGIN_ID && id !== ORIGIN_RETRY_ID);
  return [...new Set(ids)];
}

/**
 * The order with the declared appliances in it that may serve: those that the ranking passed over come behind it, in
 * place of the last ones that the player does not know.
 * @param mayServe whether an appliance serves, and was not left out of the decision for a reason
 * @param limit of appliances in an answer
 */
export function keepDeclared(
  ranked: readonly string[],
  declared: DeclaredIds,
  mayServe: (id: string) => boolean,
  limit: number,
): readonly string[] {
  const missing = declared.filter((id) => !ranked.includes(id) && mayServe(id)).slice(0, limit);
  if (missing.length === 0) return ranked;
  const kept = [...ranked];
  for (let at = kept.length - 1; at >= 0 && kept.length + missing.length > limit; at -= 1)
    if (!declared.includes(kept[at] ?? '')) kept.splice(at, 1);
  return [...kept, ...missing];
}
