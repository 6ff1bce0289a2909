/**
 * Whether a request for the operators' listener was meant for it.
 *
 * A page that an operator has open cannot ask another site, but it can ask its own, and its own name server may say
 * that its name is now 127.0.0.1 (DNS rebinding). The browser then takes our answers for that page's. What gives it
 * away is Host, which still carries the page's name. An address cannot be rebound, and nobody outside can answer for
 * `localhost`, for a name without dots, or below `.internal` (reserved by ICANN for private use, 2024); any other name
 * must be one that the operator has given.
 *
 * @param host as received; absent in HTTP/1.0, which no browser speaks
 */
export function isOperatorHost(host: string | undefined, hosts: readonly string[]): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  if (/^\[[0-9a-f:.]+\]$/.test(name) || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)) return true;
  if (/^[a-z0-9_-]+$/.test(name)) return true;
  if (name.endsWith('.localhost') || name.endsWith('.internal')) return true;
  return hosts.some((known) => known.toLowerCase() === name);
}
