import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createReader } from '../../../appliance/memory/reader.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { ArenaRig, libcLoad, PAGE_BYTES, publishedOf } from './arena-rig.ts';
import { PageSwitch } from './page-switch.ts';

/** Two ends of a connection, of which the client does not read by itself. */
async function connected(): Promise<{ readonly serverFd: number; readonly client: Socket } & AsyncDisposable> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  await once(client, 'connect');
  const [peer] = (await accepted) as [Socket & { readonly _handle: { readonly fd: number } }];
  return {
    serverFd: peer._handle.fd,
    client,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      peer.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readBytes(client: Socket, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of client as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= count) break;
  }
  return Buffer.concat(pieces);
}

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(libcLoad.kind === 'missing')('bytes that were handed to the kernel', () => {
  if (libcLoad.kind === 'missing') return;
  const { libc } = libcLoad;

  const pages = [
    { name: 'small pages', size: { slotCount: 1 }, sizeBytes: BLOCK_BYTES },
    { name: 'large pages', size: largeSlots(1), sizeBytes: BLOCK_BYTES },
    { name: 'large pages, of a short block', size: largeSlots(1), sizeBytes: BLOCK_BYTES - 100_000 },
  ];
  it.each(pages)(
    'I3: reach a slow client as they were, all of them, when their slot has another block: $name',
    async ({ name, size, sizeBytes }) => {
      using switches = new DisposableStack();
      if (name !== 'small pages') switches.use(new PageSwitch(1024, 'advise'));
      using rig = new ArenaRig(size);
      const { arena } = rig;
      const content = arena.begin();
      await rig.load(content, 0, 0xaa, sizeBytes);
      arena.show(content, publishedOf('/old'));
      const reader = createReader(arena.shared, 0);
      const object = reader.find('/old');
      if (object === undefined) throw new Error('not shown');
      await using connection = await connected();
      const slot = reader.pin(object, 0);
      let sent = 0;
      for (let more = 1; more > 0 && sent < sizeBytes; sent += Math.max(0, more)) {
        more = libc.sendfile(connection.serverFd, arena.shared.memoryFd, slot * BLOCK_BYTES + sent, sizeBytes - sent);
      }
      expect(sent).toBeGreaterThan(BLOCK_BYTES / 8);
      reader.unpin(slot);
      // The only slot: whoever comes evicts it.
      expect(await rig.load(content, 1, 0xbb, sizeBytes)).toBe('here');
      expect(arena.has(content, 0)).toBe(false);
      expect(rig.bytes(slot, 1)).toEqual(Uint8Array.of(0xbb));
      const got = await readBytes(connection.client, sent);
      expect(got.length).toBe(sent);
      expect(got.equals(Buffer.alloc(sent, 0xaa))).toBe(true);
    },
  );

  // Needs root and Linux 6.11: others cannot switch large pages on.
  it.skipIf(!PageSwitch.mayTurn)(
    'lie in pages of a MiB where the kernel has them, never in larger ones, and small blocks in small ones (needs root and Linux 6.11)',
    async () => {
      using switches = new DisposableStack();
      for (const kib of [1024, 2048]) switches.use(new PageSwitch(kib, 'advise'));
      using rig = new ArenaRig({ ...largeSlots(8), slotCount: 16, capacityBytes: 16 * BLOCK_BYTES });
      const content = rig.arena.begin();
      const before = PageSwitch.given(1024);
      const tooLargeBefore = PageSwitch.given(2048);
      for (let block = 0; block < 8; block += 1) await rig.load(content, block, block, BLOCK_BYTES);
      await rig.load(content, 8, 8, PAGE_BYTES);
      expect(PageSwitch.given(1024)).toBeGreaterThanOrEqual(before + 8);
      expect(PageSwitch.given(2048)).toBe(tooLargeBefore);
      expect(rig.arena.usage().usedBytes).toBe(8 * BLOCK_BYTES + PAGE_BYTES);
    },
  );
});

function largeSlots(count: number) {
  return { slotCount: count, largeSlots: count, largePageBytes: BLOCK_BYTES };
}
