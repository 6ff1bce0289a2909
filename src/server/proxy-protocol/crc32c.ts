/** CRC-32C (Castagnoli; RFC 9260 appendix A), of a few dozen bytes: bit by bit is fast enough and nothing to look up. */
const REVERSED_POLYNOMIAL = 0x82f63b78;

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? REVERSED_POLYNOMIAL : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
