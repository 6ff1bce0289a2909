import { crc32c } from '../../../../src/server/proxy-protocol/crc32c.ts';

export interface V2Parts {
  /** IPv4, or IPv6 with all its eight words. */
  readonly source: string;
  readonly command?: number;
  readonly family?: number;
  readonly tlvs?: Buffer;
  readonly checksum?: boolean;
}

/** A header of version 2 as a balancer writes it; the parts may be made not to fit each other. */
export function v2Header(parts: V2Parts): Buffer {
  const { source, command = 1, tlvs = Buffer.alloc(0), checksum = false } = parts;
  const isIpv6 = source.includes(':');
  const address = isIpv6
    ? Buffer.concat(source.split(':').map((word) => Buffer.from(word.padStart(4, '0'), 'hex')))
    : Buffer.from(source.split('.').map(Number));
  const addresses = Buffer.concat([address, address, Buffer.from([0x12, 0x34, 0x01, 0xbb])]);
  const checksumTlv = checksum ? Buffer.from([3, 0, 4, 0, 0, 0, 0]) : Buffer.alloc(0);
  const body = Buffer.concat([addresses, tlvs, checksumTlv]);
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n????', 'latin1');
  fixed[12] = 0x20 | command;
  fixed[13] = parts.family ?? (isIpv6 ? 0x21 : 0x11);
  fixed.writeUInt16BE(body.length, 14);
  const header = Buffer.concat([fixed, body]);
  if (checksum) header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}
