import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type Libc, loadLibc } from '../../../appliance/kernel/libc.ts';

const load = loadLibc();

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(load.kind === 'missing')('memory for the kernel', () => {
  const { libc } = load as { readonly libc: Libc };

  it('stays where it is while the collector moves everything else, and after nobody looks at it', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const fd = libc.memfdCreate('source');
    const source = libc.memory(64);
    const addresses: number[] = [];
    for (let piece = 0; piece < 200; piece += 1) {
      // Its views are garbage at once; the address is all that is kept.
      addresses.push(libc.memory(64).address);
      source.bytes.fill(piece);
      libc.pwrite(fd, source.address, 64, piece * 64);
      if (piece % 20 === 0) collect();
    }
    for (const [piece, address] of addresses.entries()) libc.pread(fd, address, 64, piece * 64);
    collect();
    for (const [piece, address] of addresses.entries()) {
      expect(new Uint8Array(libc.view(address, 64)).every((byte) => byte === piece)).toBe(true);
    }
    libc.close(fd);
  });

  it('is whole pages of its own, zeroed, and seen as bytes and as words', () => {
    const [one, other] = [libc.memory(10), libc.memory(10)];
    expect([one.address % 4096, one.address === other.address, one.byteLength]).toEqual([0, false, 10]);
    expect([one.bytes.length, one.words.length, one.view.byteLength]).toEqual([10, 2, 10]);
    one.words[1] = -1;
    expect([...one.bytes]).toEqual([0, 0, 0, 0, 255, 255, 255, 255, 0, 0]);
    expect(one.unsignedWords[1]).toBe(0xffff_ffff);
    expect(() => libc.memory(2 ** 60)).toThrow(RangeError);
  });
});
