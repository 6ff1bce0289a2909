import type { AnnouncedRoute } from './announced-route.ts';
import { type ByteCursor, OutOfBytes } from './byte-cursor.ts';

export type PathAttributes = Pick<AnnouncedRoute, 'asPath' | 'asPathLength' | 'med' | 'localPref' | 'communities'>;

const EXTENDED_LENGTH = 0x10;

export interface AttributeForm {
  /** AS numbers of a path have four bytes in dumps and between speakers that agreed on it (RFC 6793), else two. */
  readonly asnBytes: 2 | 4;
  /** Gets the attributes that are not read here. */
  readonly onOther?: (code: number, value: ByteCursor) => void;
}

/**
 * The attributes of a route that steering can use; the others are passed over.
 * @throws OutOfBytes when they end too early or make no sense
 */
export function readAttributes(attributes: ByteCursor, { asnBytes, onOther }: AttributeForm): PathAttributes {
  let path = { asPath: '', asPathLength: 0 };
  let med: number | undefined;
  let localPref: number | undefined;
  const communities: string[] = [];
  while (attributes.leftBytes > 0) {
    const flags = attributes.uint8();
    const code = attributes.uint8();
    const value = attributes.part((flags & EXTENDED_LENGTH) === 0 ? attributes.uint8() : attributes.uint16());
    if (code === 2) path = readPath(value, asnBytes);
    // RFC 6793: beside a path of two-byte numbers the real one; it may lack hops, so it tells the path, not its length.
    else if (code === 17 && asnBytes === 2) path = { ...path, asPath: readPath(value, 4).asPath };
    else if (code === 4) med = value.uint32();
    else if (code === 5) localPref = value.uint32();
    else if (code === 8) while (value.leftBytes > 0) communities.push(`${value.uint16()}:${value.uint16()}`);
    else if (code === 32) {
      while (value.leftBytes > 0) communities.push(`${value.uint32()}:${value.uint32()}:${value.uint32()}`);
    } else onOther?.(code, value);
  }
  return { ...path, med, localPref, communities };
}

/** Segments of a path (RFC 4271 section 4.3, RFC 5065 section 3): how each is printed, and what it counts. */
const SEGMENTS = new Map([
  [1, { open: '{', between: ',', close: '}', counts: () => 1 }],
  [2, { open: '', between: ' ', close: '', counts: (asns: number) => asns }],
  [3, { open: '(', between: ' ', close: ')', counts: () => 0 }],
  [4, { open: '[', between: ',', close: ']', counts: () => 0 }],
]);

function readPath(value: ByteCursor, asnBytes: 2 | 4): { asPath: string; asPathLength: number } {
  const segments: string[] = [];
  let asPathLength = 0;
  while (value.leftBytes > 0) {
    const type = value.uint8();
    const asns = Array.from({ length: value.uint8() }, () => (asnBytes === 4 ? value.uint32() : value.uint16()));
    const segment = SEGMENTS.get(type);
    if (segment === undefined) throw new OutOfBytes(`path segment of type ${type}`);
    segments.push(segment.open + asns.join(segment.between) + segment.close);
    asPathLength += segment.counts(asns.length);
  }
  return { asPath: segments.join(' '), asPathLength };
}

/**
 * A prefix as it stands on the wire: its length in bits, then as many bytes as that needs.
 * @throws OutOfBytes
 */
export function readPrefix(bytes: ByteCursor, addressBytes: number): string {
  const lengthBits = bytes.uint8();
  if (lengthBits > addressBytes * 8) throw new OutOfBytes(`prefix length ${lengthBits}`);
  const address = Buffer.alloc(addressBytes);
  bytes.bytes(Math.ceil(lengthBits / 8)).copy(address);
  return `${formatAddress(address)}/${lengthBits}`;
}

/** Dotted for 4 bytes; for 16 as RFC 5952 wants it: the longest run of two or more zero groups is `::`. */
export function formatAddress(address: Buffer): string {
  if (address.length === 4) return [...address].join('.');
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2).toString(16));
  let run = { start: 0, length: 0 };
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (groups[end] === '0') end += 1;
    if (end - start > run.length) run = { start, length: end - start };
  }
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}
