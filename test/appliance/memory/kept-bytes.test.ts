import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createReader } from '../../../appliance/memory/reader.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { ArenaRig, libcLoad, publishedOf } from './arena-rig.ts';

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

  it('I3: reach a slow client as they were, all of them, when their block has left and its slot has another', async () => {
    using rig = new ArenaRig({ slotCount: 1 });
    const { arena } = rig;
    const content = arena.begin();
    await rig.load(content, 0, 0xaa, BLOCK_BYTES);
    arena.show(content, publishedOf('/old'));
    const reader = createReader(arena.shared, 0);
    const object = reader.find('/old');
    if (object === undefined) throw new Error('not shown');
    await using connection = await connected();
    const slot = reader.pin(object, 0);
    let sent = 0;
    for (let more = 1; more > 0 && sent < BLOCK_BYTES; sent += Math.max(0, more)) {
      more = libc.sendfile(connection.serverFd, arena.shared.memoryFd, slot * BLOCK_BYTES + sent, BLOCK_BYTES - sent);
    }
    expect(sent).toBeGreaterThan(BLOCK_BYTES / 8);
    reader.unpin(slot);
    // The only slot: whoever comes evicts it.
    expect(await rig.load(content, 1, 0xbb, BLOCK_BYTES)).toBe('here');
    expect(arena.has(content, 0)).toBe(false);
    expect(rig.bytes(slot, 1)).toEqual(Uint8Array.of(0xbb));
    const got = await readBytes(connection.client, sent);
    expect(got.length).toBe(sent);
    expect(got.equals(Buffer.alloc(sent, 0xaa))).toBe(true);
  });
});
