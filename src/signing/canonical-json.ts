const DEEPEST = 64;

/**
 * One text per JSON value, whatever order its members came in: members sorted by name, no white space (RFC 8785's
 * idea for the values we use: no numbers beyond 2^53, no lone surrogates). Signatures are over this text, so a document
 * may be stored, parsed and sent on without losing its signature, unknown members included.
 * @throws RangeError for what is nested deeper than any document of ours: a stranger's could exhaust the stack
 */
export function canonicalJson(value: unknown, deepest = DEEPEST): string {
  if (deepest === 0) throw new RangeError(`nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, deepest - 1)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, deepest - 1)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}
