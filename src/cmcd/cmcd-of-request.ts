/** The four header fields that keys may be spread over (CTA-5004-B section 3.1), as Node gives their names. */
const HEADERS = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'] as const;

/**
 * The CMCD that came with a request, as the text of one record; undefined where there is none. With any header there
 * the query does not count (section 6.7). A query that cannot be decoded is given as it is: no reader will take it.
 * @param target of the request line, with its query
 */
export function cmcdOfRequest(
  target: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  let text: string | undefined;
  for (const name of HEADERS) {
    const value = headers[name];
    if (value !== undefined) text = text === undefined ? String(value) : `${text},${String(value)}`;
  }
  return text ?? cmcdOfQuery(target);
}

function cmcdOfQuery(target: string): string | undefined {
  const queryAt = target.indexOf('?');
  if (queryAt < 0) return undefined;
  for (let at = target.indexOf('CMCD=', queryAt); at >= 0; at = target.indexOf('CMCD=', at + 1)) {
    const before = target[at - 1];
    if (before !== '?' && before !== '&') continue;
    const end = target.indexOf('&', at);
    const encoded = target.slice(at + 'CMCD='.length, end < 0 ? undefined : end);
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  }
  return undefined;
}
