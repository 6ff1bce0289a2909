/** BMP messages as RFC 7854 and RFC 4271 draw them, byte by byte; it shares nothing with the reader. */
export interface PeerOptions {
  readonly type?: number;
  readonly flags?: number;
  readonly address?: string;
  readonly asn?: number;
}

const uint16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const uint32 = (value: number): number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)];
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

export function bmp(type: number, body: readonly number[], version = 3): Buffer {
  return Buffer.from([version, ...uint32(body.length + 6), type, ...body]);
}

export function peerHeader({ type = 0, flags = 0, address = '192.0.2.9', asn = 64511 }: PeerOptions = {}): number[] {
  const octets = address.split('.').map(Number);
  return [type, flags, ...zeros(8), ...zeros(12), ...octets, ...uint32(asn), 192, 0, 2, 1, ...zeros(8)];
}

/** `10.1.0.0/16`, and IPv6 as `2a00:1450::/32` with its groups written out. */
export function nlri(prefix: string): number[] {
  const [address = '', length = '0'] = prefix.split('/');
  const bytes = address.includes(':')
    ? address
        .split(':')
        .filter((group) => group !== '')
        .flatMap((group) => uint16(Number.parseInt(group, 16)))
    : address.split('.').map(Number);
  const count = Math.ceil(Number(length) / 8);
  return [Number(length), ...[...bytes, ...zeros(16)].slice(0, count)];
}

const attribute = (code: number, value: readonly number[], flags = 0x40): number[] => [
  flags | 0x10,
  code,
  ...uint16(value.length),
  ...value,
];

export interface UpdateOptions {
  readonly announced?: readonly string[];
  readonly withdrawn?: readonly string[];
  readonly path?: readonly number[];
  readonly med?: number;
  readonly attributes?: readonly number[];
}

const bgp = (type: number, body: readonly number[]): number[] => [
  ...Array.from({ length: 16 }, () => 255),
  ...uint16(body.length + 19),
  type,
  ...body,
];

function update(options: UpdateOptions = {}): number[] {
  const { announced = [], withdrawn = [], path = [64511], med, attributes = [] } = options;
  const known =
    announced.length === 0
      ? []
      : [
          ...attribute(1, [0]),
          ...attribute(2, path.length === 0 ? [] : [2, path.length, ...path.flatMap(uint32)]),
          ...attribute(3, [192, 0, 2, 9]),
          ...(med === undefined ? [] : attribute(4, uint32(med), 0x80)),
        ];
  const all = [...known, ...attributes];
  const gone = withdrawn.flatMap(nlri);
  return bgp(2, [...uint16(gone.length), ...gone, ...uint16(all.length), ...all, ...announced.flatMap(nlri)]);
}

export const mpReach = (prefixes: readonly number[][]): number[] =>
  attribute(14, [...uint16(2), 1, 16, ...zeros(16), 0, ...prefixes.flat()], 0x80);

export const mpUnreach = (prefixes: readonly number[][]): number[] =>
  attribute(15, [...uint16(2), 1, ...prefixes.flat()], 0x80);

export { attribute };

/** @param addPath mode of ADD-PATH for IPv4 unicast (1 receive, 2 send, 3 both), or undefined */
function open(addPath: number | undefined): number[] {
  const capability = addPath === undefined ? [] : [2, 6, 69, 4, ...uint16(1), 1, addPath];
  return bgp(1, [4, ...uint16(64500), ...uint16(90), 192, 0, 2, 1, capability.length, ...capability]);
}

export const peerUp = (peer: PeerOptions = {}, addPath?: { sent: number; received: number }): Buffer =>
  bmp(3, [
    ...peerHeader(peer),
    ...zeros(16),
    ...uint16(179),
    ...uint16(40_000),
    ...open(addPath?.sent),
    ...open(addPath?.received),
  ]);

export const peerDown = (peer: PeerOptions = {}): Buffer => bmp(2, [...peerHeader(peer), 4]);

export const routes = (options: UpdateOptions = {}, peer: PeerOptions = {}): Buffer =>
  bmp(0, [...peerHeader(peer), ...update(options)]);

export const endOfRib = (peer: PeerOptions = {}): Buffer => routes({}, peer);
