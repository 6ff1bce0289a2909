/**
 * Writes MaxMind DB files (format 2.0, github.com/maxmind/MaxMind-DB/blob/main/MaxMind-DB-spec.md) for tests: an IPv6
 * tree with records of 24 bits, IPv4 as ::/96 like the real ones, no pointers.
 */
export type Value = string | number | { readonly [key: string]: Value };

interface Node {
  readonly children: [Node | number | undefined, Node | number | undefined];
}

const UINT32 = 6;
const MAP = 7;
const TEXT = 2;

export function writeMmdb(networks: Readonly<Record<string, Value>>, type = 'Test'): Buffer {
  const root: Node = { children: [undefined, undefined] };
  const records: Buffer[] = [];
  let offset = 0;
  for (const [network, value] of Object.entries(networks)) {
    const record = encode(value);
    insert(root, bitsOf(network), offset);
    records.push(record);
    offset += record.length;
  }
  const nodes = numbered(root);
  const tree = Buffer.concat([...nodes.keys()].map((node) => encodeNode(node, nodes)));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_893_456_000,
    database_type: type,
    ip_version: 6,
    node_count: nodes.size,
    record_size: 24,
  });
  const marker = Buffer.from('\u00ab\u00cd\u00efMaxMind.com', 'latin1');
  return Buffer.concat([tree, Buffer.alloc(16), ...records, marker, metadata]);
}

/** `1.2.0.0/16`, or IPv6 with all its groups. */
function bitsOf(network: string): string {
  const [address = '', length = '0'] = network.split('/');
  const isIpv6 = address.includes(':');
  const bits = isIpv6
    ? address.split(':').map((group) =>
        Number.parseInt(group || '0', 16)
          .toString(2)
          .padStart(16, '0'),
      )
    : address.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return ((isIpv6 ? '' : '0'.repeat(96)) + bits.join('')).slice(0, Number(length) + (isIpv6 ? 0 : 96));
}

function insert(root: Node, bits: string, offset: number): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const side = bit === '1' ? 1 : 0;
    const next = node.children[side] ?? { children: [undefined, undefined] };
    if (typeof next === 'number') throw new Error('networks of a test must not overlap');
    node.children[side] = next;
    node = next;
  }
  node.children[bits.endsWith('1') ? 1 : 0] = offset;
}

function numbered(root: Node): Map<Node, number> {
  const nodes = new Map([[root, 0]]);
  for (const node of nodes.keys()) {
    for (const child of node.children) if (typeof child === 'object') nodes.set(child, nodes.size);
  }
  return nodes;
}

/** A record is a node, nothing (the count of nodes), or a place in the data behind the 16 bytes between. */
function encodeNode(node: Node, nodes: ReadonlyMap<Node, number>): Buffer {
  const bytes = Buffer.alloc(6);
  for (const [side, child] of node.children.entries()) {
    const record =
      child === undefined ? nodes.size : typeof child === 'number' ? nodes.size + 16 + child : (nodes.get(child) ?? 0);
    bytes.writeUIntBE(record, side * 3, 3);
  }
  return bytes;
}

function encode(value: Value): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([Buffer.from([(UINT32 << 5) | 4]), bytes]);
  }
  if (typeof value === 'string') {
    if (Buffer.byteLength(value) > 28) throw new Error('texts of a test are short');
    return Buffer.concat([Buffer.from([(TEXT << 5) | Buffer.byteLength(value)]), Buffer.from(value)]);
  }
  const fields = Object.entries(value);
  const body = fields.flatMap(([key, field]) => [encode(key), encode(field)]);
  return Buffer.concat([Buffer.from([(MAP << 5) | fields.length]), ...body]);
}
