import type { AnnouncedRoute } from './announced-route.ts';
import { ByteCursor, OutOfBytes } from './byte-cursor.ts';
import { formatAddress, type PathAttributes, readAttributes, readPrefix } from './path-attributes.ts';

/**
 * The BGP Monitoring Protocol (RFC 7854): a router tells what each of its peers announces to it. We are the station; it
 * is a one-way stream, nothing is ever answered.
 *
 * Messages say their length, so what is not understood is passed over whole: unknown types, statistics, mirrored
 * messages, attributes and address families that steering has no use for. What does not fit into its own length is
 * broken and told; only a head that makes no sense (another version, an absurd length) ends the stream, because nobody
 * knows where the next message begins.
 *
 * Limits: IPv4 and IPv6 unicast; labelled routes and VPNs are passed over. Routes that the router sends out
 * (Adj-RIB-Out, RFC 8671) are not what the ISP announces and are passed over as well.
 */
export interface BmpPeer {
  /** Tells the peers of one router apart: its kind, distinguisher and address. */
  readonly key: string;
  readonly address: string;
  readonly asn: number;
  /** After the router's own policy (RFC 7854 section 4.2, flag L): what it really uses. */
  readonly isPostPolicy: boolean;
}

export type BmpFamily = 'ipv4' | 'ipv6';

/** A withdrawn or announced prefix; `pathId` tells several paths of one peer to it apart (RFC 7911), else 0. */
export interface BmpPath {
  readonly pathId: number;
  readonly prefix: string;
}

export type BmpMessage =
  | {
      readonly kind: 'routes';
      readonly peer: BmpPeer;
      readonly announced: readonly (BmpPath & { readonly route: AnnouncedRoute })[];
      readonly withdrawn: readonly BmpPath[];
      /** The peer's first telling is complete for this family (RFC 4724 section 2). */
      readonly endOfRib: BmpFamily | undefined;
    }
  | { readonly kind: 'peer-up'; readonly peer: BmpPeer; readonly addPath: ReadonlySet<BmpFamily> }
  | { readonly kind: 'peer-down'; readonly peer: BmpPeer; readonly reason: number }
  | { readonly kind: 'initiation'; readonly name: string }
  | { readonly kind: 'termination' }
  | { readonly kind: 'ignored'; readonly type: number }
  | { readonly kind: 'broken'; readonly problem: string };

export const BMP_HEADER_BYTES = 6;
/** A BGP message has at most 65,535 bytes (RFC 8654), a Peer Up has two; the rest is heads. */
const MAX_BMP_BYTES = 256 * 1024;

const VERSION = 3;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const UNICAST = 1;
const FLAG_IPV6 = 0x80;
const FLAG_POST_POLICY = 0x40;
const FLAG_TWO_BYTE_ASNS = 0x20;
const FLAG_ADJ_RIB_OUT = 0x10;
const LOC_RIB_PEER = 3;
const MP_REACH = 14;
const MP_UNREACH = 15;
const BGP_HEADER_BYTES = 19;
const BGP_OPEN = 1;
const BGP_UPDATE = 2;
const CAPABILITIES = 2;
const EXTENDED = 255;
const ADD_PATH = 69;

/** Length of the message that begins here, in bytes; a problem ends the stream. */
export function bmpLength(header: Buffer): number | { readonly problem: string } {
  const version = header.readUInt8(0);
  const length = header.readUInt32BE(1);
  if (version !== VERSION) return { problem: `BMP version ${version} instead of ${VERSION}` };
  if (length < BMP_HEADER_BYTES || length > MAX_BMP_BYTES) return { problem: `a message of ${length} bytes` };
  return length;
}

/**
 * Reads one whole message. Never throws.
 * @param hasPathIds whether a peer's routes of a family carry path ids, as its Peer Up said
 */
export function readBmp(message: Buffer, hasPathIds: (peer: BmpPeer, family: BmpFamily) => boolean): BmpMessage {
  const cursor = new ByteCursor(message, 0, message.length);
  try {
    cursor.skip(5);
    const type = cursor.uint8();
    if (type === 0) return readRouteMonitoring(cursor, hasPathIds);
    if (type === 2) return { kind: 'peer-down', peer: readPeer(cursor).peer, reason: cursor.uint8() };
    if (type === 3) return readPeerUp(cursor);
    if (type === 4) return { kind: 'initiation', name: readName(cursor) };
    if (type === 5) return { kind: 'termination' };
    return { kind: 'ignored', type };
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error;
    return { kind: 'broken', problem: error.message };
  }
}

interface PeerHead {
  readonly peer: BmpPeer;
  readonly asnBytes: 2 | 4;
  readonly isOut: boolean;
}

function readPeer(cursor: ByteCursor): PeerHead {
  const type = cursor.uint8();
  const flags = cursor.uint8();
  const distinguisher = cursor.bytes(8).toString('hex');
  const field = cursor.bytes(IPV6_BYTES);
  const isIpv6 = type !== LOC_RIB_PEER && (flags & FLAG_IPV6) !== 0;
  const address = formatAddress(Buffer.from(isIpv6 ? field : field.subarray(IPV6_BYTES - IPV4_BYTES)));
  const asn = cursor.uint32();
  // Router id and time of the message.
  cursor.skip(12);
  const isLocal = type === LOC_RIB_PEER;
  return {
    peer: {
      key: `${type} ${distinguisher} ${address}`,
      address,
      asn,
      isPostPolicy: !isLocal && (flags & FLAG_POST_POLICY) !== 0,
    },
    asnBytes: !isLocal && (flags & FLAG_TWO_BYTE_ASNS) !== 0 ? 2 : 4,
    isOut: !isLocal && (flags & FLAG_ADJ_RIB_OUT) !== 0,
  };
}

function readRouteMonitoring(
  cursor: ByteCursor,
  hasPathIds: (peer: BmpPeer, family: BmpFamily) => boolean,
): BmpMessage {
  const { peer, asnBytes, isOut } = readPeer(cursor);
  const { type, body } = readBgp(cursor);
  if (isOut || type !== BGP_UPDATE) return { kind: 'ignored', type: 0 };
  const nlri = (bytes: ByteCursor, family: BmpFamily): BmpPath[] => readNlri(bytes, family, hasPathIds(peer, family));
  const withdrawn = nlri(body.part(body.uint16()), 'ipv4');
  const reached: BmpPath[] = [];
  let endOfRib: BmpFamily | undefined;
  const attributeBytes = body.uint16();
  const hasNothing = attributeBytes === 0 && body.leftBytes === 0;
  const attributes = readAttributes(body.part(attributeBytes), {
    asnBytes,
    onOther: (code, value) => {
      if (code === MP_REACH) reached.push(...readReach(value, nlri));
      if (code !== MP_UNREACH) return;
      const gone = readUnreach(value, nlri);
      withdrawn.push(...gone.paths);
      if (gone.family !== undefined && gone.paths.length === 0) endOfRib = gone.family;
    },
  });
  reached.push(...nlri(body, 'ipv4'));
  if (hasNothing && withdrawn.length === 0) endOfRib = 'ipv4';
  const announced = reached.map((path) => ({ ...path, route: toRoute(path.prefix, attributes, peer.asn) }));
  return { kind: 'routes', peer, announced, withdrawn, endOfRib };
}

const toRoute = (prefix: string, attributes: PathAttributes, peerAsn: number): AnnouncedRoute => ({
  prefix,
  peerAsn,
  ...attributes,
});

/** A BGP message with its own head (RFC 4271 section 4.1). */
function readBgp(cursor: ByteCursor): { readonly type: number; readonly body: ByteCursor } {
  cursor.skip(16);
  const length = cursor.uint16();
  if (length < BGP_HEADER_BYTES) throw new OutOfBytes(`a BGP message of ${length} bytes`);
  const type = cursor.uint8();
  return { type, body: cursor.part(length - BGP_HEADER_BYTES) };
}

function readNlri(bytes: ByteCursor, family: BmpFamily, hasPathIds: boolean): BmpPath[] {
  const paths: BmpPath[] = [];
  while (bytes.leftBytes > 0) {
    const pathId = hasPathIds ? bytes.uint32() : 0;
    paths.push({ pathId, prefix: readPrefix(bytes, family === 'ipv4' ? IPV4_BYTES : IPV6_BYTES) });
  }
  return paths;
}

type NlriReader = (bytes: ByteCursor, family: BmpFamily) => BmpPath[];

/** MP_REACH_NLRI (RFC 4760 section 3). */
function readReach(value: ByteCursor, nlri: NlriReader): BmpPath[] {
  const family = readFamily(value);
  value.skip(value.uint8());
  value.skip(1);
  return family === undefined ? [] : nlri(value, family);
}

/** MP_UNREACH_NLRI (RFC 4760 section 4); an empty one ends the first telling of its family. */
function readUnreach(value: ByteCursor, nlri: NlriReader): { family: BmpFamily | undefined; paths: BmpPath[] } {
  const family = readFamily(value);
  return { family, paths: family === undefined ? [] : nlri(value, family) };
}

function readFamily(value: ByteCursor): BmpFamily | undefined {
  const afi = value.uint16();
  const safi = value.uint8();
  if (safi !== UNICAST) return undefined;
  return afi === 1 ? 'ipv4' : afi === 2 ? 'ipv6' : undefined;
}

/** The OPEN messages that both sides sent say for which families path ids are used (RFC 7911 section 4). */
function readPeerUp(cursor: ByteCursor): BmpMessage {
  const { peer } = readPeer(cursor);
  // Local address and both ports.
  cursor.skip(IPV6_BYTES + 4);
  const sent = readAddPath(readBgp(cursor));
  const received = readAddPath(readBgp(cursor));
  const addPath = new Set<BmpFamily>();
  for (const family of ['ipv4', 'ipv6'] as const) {
    const receives = ((sent.get(family) ?? 0) & 1) !== 0;
    const sends = ((received.get(family) ?? 0) & 2) !== 0;
    if (receives && sends) addPath.add(family);
  }
  return { kind: 'peer-up', peer, addPath };
}

function readAddPath({ type, body }: { type: number; body: ByteCursor }): Map<BmpFamily, number> {
  const found = new Map<BmpFamily, number>();
  if (type !== BGP_OPEN) throw new OutOfBytes(`BGP message of type ${type} instead of OPEN`);
  // Version, AS, hold time, id.
  body.skip(9);
  // RFC 9072: where a length of one byte is not enough it is 255, a type of 255 follows, and the real one in two bytes.
  const shortBytes = body.uint8();
  const isExtended = shortBytes === EXTENDED && body.leftBytes > 0 && body.peek() === EXTENDED;
  if (isExtended) body.skip(1);
  const parameters = body.part(isExtended ? body.uint16() : shortBytes);
  while (parameters.leftBytes > 0) {
    const kind = parameters.uint8();
    const value = parameters.part(isExtended ? parameters.uint16() : parameters.uint8());
    if (kind === CAPABILITIES) readCapabilities(value, found);
  }
  return found;
}

function readCapabilities(value: ByteCursor, found: Map<BmpFamily, number>): void {
  while (value.leftBytes > 0) {
    const code = value.uint8();
    const capability = value.part(value.uint8());
    if (code !== ADD_PATH) continue;
    while (capability.leftBytes > 0) {
      const family = readFamily(capability);
      const mode = capability.uint8();
      if (family !== undefined) found.set(family, mode);
    }
  }
}

/** The router's name, where it tells it (RFC 7854 section 4.4: type 2 is sysName). */
function readName(cursor: ByteCursor): string {
  let name = '';
  while (cursor.leftBytes > 0) {
    const type = cursor.uint16();
    const value = cursor.bytes(cursor.uint16());
    if (type === 2) name = value.toString('utf8').slice(0, MAX_NAME_CHARS);
  }
  return name;
}

const MAX_NAME_CHARS = 128;
