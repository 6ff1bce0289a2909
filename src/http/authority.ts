/** A registered name, an IPv4 address or a bracketed literal, and a port (RFC 3986 sections 3.2.2 and 3.2.3). */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?$/;

/** Whether a text can be the value of Host or the authority of an http target: no user, no list, no blank. Linear. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}
