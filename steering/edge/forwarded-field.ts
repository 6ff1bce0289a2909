/**
 * `Forwarded` (RFC 7239), read from the right, as deep as it is trusted.
 *
 * Reading it from the left, as lists are read, lets a client take the field over: it sends a quote that it never closes,
 * `for="`, and the element that our proxy appends disappears inside a string. The last element is the only one that is
 * written by somebody we trust, so the reading begins there, and each element further left is read only when the one
 * before it named a trusted proxy. Where an element is malformed there is nothing more to know.
 *
 * From the right the grammar stays unambiguous: outside of strings there is no quote and no backslash, so a quote that
 * ends a value opens at the next quote to the left that no odd row of backslashes escapes.
 */

/** What one hop wrote of who asked it: an address, or that it does not say (`unknown`, `_obfuscated`). */
export type ForwardedNode = { readonly kind: 'address'; readonly text: string } | { readonly kind: 'hidden' };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Token characters and those that a node has; many proxies do not quote `[2001:db8::1]:443` although they must. */
const LOOSE = /[!#$%&'*+\-.^_`|~0-9A-Za-z:[\]]/;

/**
 * The `for` nodes from the last to the first, at most `maxHops`. It ends before an element that is malformed or has no
 * `for`: what stands left of it can no longer be told from what a client made up.
 */
export function forwardedFrom(field: string, maxHops: number): ForwardedNode[] {
  const nodes: ForwardedNode[] = [];
  let end = field.length;
  while (nodes.length < maxHops && end > 0) {
    const element = readElement(field, end);
    if (element === undefined) break;
    if (element.node !== undefined) nodes.push(element.node);
    else if (!element.isEmpty) break;
    end = element.start;
  }
  return nodes;
}

interface Element {
  readonly node: ForwardedNode | undefined;
  /** Nothing between two commas, which a list may have. */
  readonly isEmpty: boolean;
  /** Where what stands left of it ends, its comma left out. */
  readonly start: number;
}

function readElement(field: string, end: number): Element | undefined {
  let node: ForwardedNode | undefined;
  let isEmpty = true;
  let at = skipSpace(field, end);
  for (;;) {
    if (at === 0) return { node, isEmpty, start: 0 };
    if (field[at - 1] === ',') return { node, isEmpty, start: at - 1 };
    if (field[at - 1] === ';') {
      at = skipSpace(field, at - 1);
      continue;
    }
    const pair = readPair(field, at);
    if (pair === undefined) return undefined;
    isEmpty = false;
    if (pair.name === 'for') {
      // Twice in one element is not allowed, and which of them counts would be the client's choice.
      if (node !== undefined) return undefined;
      node = readNode(pair.value);
      if (node === undefined) return undefined;
    }
    at = skipSpace(field, pair.start);
    const before = field[at - 1];
    if (at > 0 && before !== ';' && before !== ',') return undefined;
  }
}

function readPair(field: string, end: number): { name: string; value: string; start: number } | undefined {
  const value = field[end - 1] === '"' ? readQuoted(field, end) : readLoose(field, end);
  if (value === undefined || field[value.start - 1] !== '=') return undefined;
  let start = value.start - 1;
  while (start > 0 && TOKEN.test(field[start - 1] ?? '')) start -= 1;
  const name = field.slice(start, value.start - 1).toLowerCase();
  return name === '' ? undefined : { name, value: value.text, start };
}

function readQuoted(field: string, end: number): { text: string; start: number } | undefined {
  for (let at = end - 2; at >= 0; at -= 1) {
    if (field[at] !== '"') continue;
    let slashes = 0;
    while (field[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return { text: field.slice(at + 1, end - 1).replace(/\\(.)/g, '$1'), start: at };
    at -= slashes;
  }
  return undefined;
}

function readLoose(field: string, end: number): { text: string; start: number } | undefined {
  let start = end;
  while (start > 0 && LOOSE.test(field[start - 1] ?? '')) start -= 1;
  return start === end ? undefined : { text: field.slice(start, end), start };
}

/** A node with its port dropped (section 6): IPv4, IPv6 in brackets, `unknown`, or `_` and a name that hides it. */
function readNode(value: string): ForwardedNode | undefined {
  const match =
    /^(?:\[([0-9a-fA-F:.]+)\]|(\d+(?:\.\d+){3})|(unknown|_[A-Za-z0-9._-]+))(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?$/i.exec(
      value,
    );
  if (match !== null) {
    const text = match[1] ?? match[2];
    return text === undefined ? { kind: 'hidden' } : { kind: 'address', text };
  }
  // An IPv6 address without its brackets: wrong, common, and clear as long as no port follows.
  return /^[0-9a-fA-F]*:[0-9a-fA-F:.]*$/.test(value) ? { kind: 'address', text: value } : undefined;
}

function skipSpace(field: string, end: number): number {
  let at = end;
  while (at > 0 && (field[at - 1] === ' ' || field[at - 1] === '\t')) at -= 1;
  return at;
}
