/**
 * The head of an answer as text, as node:http writes it for the reference engine (`writeHead` and `_storeHeader` of
 * Node 24): the fields in their order, a Date where there is none, and what becomes of the connection. A test compares
 * it with Node's own `ServerResponse`.
 *
 * While the appliance drains, handle-get sets `Connection: close` before all others, and Node then leaves it in front.
 * Heads without a length (chunked bodies) are not for here.
 */

/** What becomes of the connection behind an answer. */
export type ConnectionFate =
  /** `Keep-Alive` says for how many seconds. */
  | { readonly kind: 'kept'; readonly idleSec: number }
  /** The client does not want it any more. */
  | { readonly kind: 'last' }
  | { readonly kind: 'draining' };

/** The statuses of answers that are not handed over. */
const REASONS = {
  200: 'OK',
  206: 'Partial Content',
  304: 'Not Modified',
  416: 'Range Not Satisfiable',
  503: 'Service Unavailable',
} as const;
export type WireStatus = keyof typeof REASONS;

/** @param date for an answer that has no Date of its own */
export function formatNodeHead(
  status: WireStatus,
  headers: Readonly<Record<string, string>>,
  fate: ConnectionFate,
  date: string,
): string {
  let text = `HTTP/1.1 ${status} ${REASONS[status]}\r\n`;
  const all = fate.kind === 'draining' ? { Connection: 'close', ...headers } : headers;
  let isDated = false;
  for (const [name, value] of Object.entries(all)) {
    text += `${name}: ${value}\r\n`;
    isDated ||= name.toLowerCase() === 'date';
  }
  if (!isDated) text += `Date: ${date}\r\n`;
  if (fate.kind === 'last') text += 'Connection: close\r\n';
  if (fate.kind === 'kept') text += `Connection: keep-alive\r\nKeep-Alive: timeout=${fate.idleSec}\r\n`;
  return `${text}\r\n`;
}
