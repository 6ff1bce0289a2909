import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { ALERT, APPLICATION_DATA, hasLibc, renewedSecrets, TlsRig } from './tls-rig.ts';

const request = (path: string, ...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, 'Host: a', ...fields].join('\r\n')}\r\n\r\n`;

/** Reads until the answers have so many body bytes behind the first head, or the end. */
async function heard(socket: TLSSocket, bodyBytes: number): Promise<{ head: string; body: Buffer }> {
  const pieces: Buffer[] = [];
  for (;;) {
    const bytes = Buffer.concat(pieces);
    const end = bytes.indexOf('\r\n\r\n');
    if (end >= 0 && bytes.length >= end + 4 + bodyBytes) {
      const body = bytes.subarray(end + 4, end + 4 + bodyBytes);
      socket.unshift(bytes.subarray(end + 4 + bodyBytes));
      return { head: bytes.toString('latin1', 0, end), body };
    }
    const piece = socket.read() as Buffer | null;
    if (piece !== null) pieces.push(piece);
    else if (socket.readableEnded) throw new Error(`ended after ${bytes.length} bytes`);
    else await once(socket, 'readable');
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const pattern = (first: number, last: number): Buffer =>
  Buffer.from(Array.from({ length: last - first + 1 }, (_, at) => Math.floor((first + at) / BLOCK_BYTES) + 1));

/** More than kernels take, on both sides, for who does not read: 4 MiB here and 6 there. */
const LONG_BLOCKS = 15;

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(!hasLibc)('a TLS thread', () => {
  let rig: TlsRig;
  afterEach(() => rig.stop());

  it('answers ranges out of memory, over borders of blocks, one after the other and pipelined', async () => {
    rig = await TlsRig.start(() => undefined);
    await rig.show('/film', 3);
    const socket = await rig.open();
    const [first, last] = [BLOCK_BYTES - 100_000, 2 * BLOCK_BYTES + 99_999];
    socket.write(request('/film', `Range: bytes=${first}-${last}`));
    const { body, head } = await heard(socket, last - first + 1);
    expect(head).toContain(`206 Partial Content`);
    expect(digest(body)).toBe(digest(pattern(first, last)));
    socket.write(request('/film', 'Range: bytes=0-9') + request('/film', 'Range: bytes=1048576-1048580'));
    expect((await heard(socket, 10)).body).toEqual(pattern(0, 9));
    expect((await heard(socket, 5)).body).toEqual(pattern(BLOCK_BYTES, BLOCK_BYTES + 4));
    socket.write(request('/film', 'Range: bytes=0-0', 'Connection: close'));
    const end = once(socket, 'end');
    expect((await heard(socket, 1)).head).toContain('Connection: close');
    socket.resume();
    await end;
    const outcomes = () => rig.outcomes.flatMap(({ objects }) => objects);
    const sum = (field: 'requests' | 'bytes') => outcomes().reduce((total, outcome) => total + outcome[field], 0);
    await until(() => sum('requests') === 4);
    expect(new Set(outcomes().map(({ key }) => key))).toEqual(new Set(['/film']));
    expect(sum('bytes')).toBe(last - first + 1 + 10 + 5 + 1);
  });

  it('a body of many blocks is begun with a grip alone, and goes on when a missing block is brought', async () => {
    rig = await TlsRig.start(() => undefined);
    await rig.show('/film', 6, [4]);
    rig.onWant = ({ ticket }) => rig.tell({ kind: 'here', ticket });
    const socket = await rig.open();
    socket.write(request('/film', 'Range: bytes=0-'));
    await once(socket, 'readable');
    const cut = once(socket, 'close');
    socket.resume();
    // What is said to be here and is not, cannot be sent: the connection ends before the body does.
    await cut;
    const wants = rig.heard.filter(({ kind }) => kind === 'want');
    expect(wants).toMatchObject([
      { key: '/film', firstBlock: 0, lastBlock: 5, isBegun: false },
      { key: '/film', firstBlock: 4, lastBlock: 5, isBegun: true },
    ]);
    await until(() => rig.heard.some(({ kind }) => kind === 'want-no-more'));
    await until(() => rig.outcomes.some(({ abandoned }) => abandoned['source-failed'] === 1));
  });

  it('passes what it does not answer to the reference engine, which sees the client, and goes on afterwards', async () => {
    const seen: string[] = [];
    rig = await TlsRig.start(({ method, socket, url }, response) => {
      seen.push(`${method} ${url} ${socket.remoteAddress}:${socket.remotePort}`);
      response.end('of the reference engine');
    });
    await rig.show('/film', 1);
    const socket = await rig.open();
    const us = `127.0.0.1:${socket.localPort}`;
    const next = request('/film', 'Range: bytes=0-3');
    for (const [first, then] of [
      // What follows a request that was understood waits; behind another nobody knows where the next begins.
      [request('/miss') + next, ''],
      ['OPTIONS /film HTTP/1.1\r\nHost: a\r\n\r\n', next],
    ] as const) {
      socket.write(first);
      expect((await heard(socket, 23)).body.toString()).toBe('of the reference engine');
      socket.write(then);
      expect((await heard(socket, 4)).body).toEqual(pattern(0, 3));
    }
    expect(seen).toEqual([`GET /miss ${us}`, `OPTIONS /film ${us}`]);
    expect(rig.board.total).toBe(1);
    socket.destroy();
    await until(() => rig.board.total === 0);
  });

  it('a request with a body goes through whole, and so does whatever follows it', async () => {
    rig = await TlsRig.start((incoming, response) => {
      let bytes = 0;
      incoming.on('data', (piece: Buffer) => (bytes += piece.length));
      incoming.on('end', () => response.end(`${bytes}`));
    });
    const socket = await rig.open();
    socket.write('POST /film HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n');
    socket.write(randomBytes(300_000));
    expect((await heard(socket, 6)).body.toString()).toBe('300000');
    socket.write(request('/film'));
    expect((await heard(socket, 1)).body.toString()).toBe('0');
    socket.destroy();
  });

  it('an answer that is broken off does not end like a whole one: TLS says no farewell', async () => {
    rig = await TlsRig.start(({ url }, response) => {
      response.writeHead(200, { 'Content-Length': '4', Connection: 'close' });
      if (url === '/whole') response.end('half');
      else response.write('ha', () => response.destroy());
    });
    const lastRecordOf = async (path: string): Promise<number | undefined> => {
      const { ended, types } = await rig.records(request(path));
      await ended;
      return types().at(-1);
    };
    expect(await lastRecordOf('/whole')).toBe(ALERT);
    expect(await lastRecordOf('/broken')).toBe(APPLICATION_DATA);
    await until(() => rig.board.total === 0);
  });

  it('a purge counts the bodies of what it means, and cuts them where it is asked to', async () => {
    rig = await TlsRig.start(() => undefined);
    rig.onWant = ({ ticket }) => rig.tell({ kind: 'here', ticket });
    await rig.show('/film', LONG_BLOCKS);
    const socket = await rig.open();
    socket.on('error', () => undefined);
    socket.write(request('/film'));
    await once(socket, 'readable');
    const ask = async (key: string, cut: boolean): Promise<number | undefined> => {
      rig.heard.length = 0;
      rig.tell({ kind: 'running', ticket: 1, rule: { by: 'key', key }, cut });
      await until(() => rig.heard.some(({ kind }) => kind === 'running'));
      return rig.heard.find((message) => message.kind === 'running')?.bodies;
    };
    expect(await ask('/other', true)).toBe(0);
    expect(await ask('/film', false)).toBe(1);
    expect(await ask('/film', true)).toBe(1);
    await until(() => rig.board.total === 0);
    await until(() => rig.outcomes.some(({ abandoned }) => abandoned['purged'] === 1));
    socket.destroy();
  });

  it('who takes nothing of an answer is cut, and what was pinned for him is let go', async () => {
    rig = await TlsRig.start(() => undefined, { sendStallMs: 300 });
    rig.onWant = ({ ticket }) => rig.tell({ kind: 'here', ticket });
    await rig.show('/film', LONG_BLOCKS);
    const socket = await rig.open();
    socket.on('error', () => undefined);
    socket.write(request('/film'));
    await until(() => rig.board.total === 0);
    await until(() => rig.outcomes.some(({ abandoned }) => abandoned['client-slow'] === 1));
    expect(rig.arena.arena.usage().pins).toBe(0);
    socket.destroy();
  });

  it('a head that does not come in time gets 408', async () => {
    rig = await TlsRig.start(() => undefined, { headTimeoutMs: 2000 });
    const late = await rig.open();
    late.write('GET /film HTTP/1.1\r\nHo');
    expect((await heard(late, 0)).head).toContain('408 Request Timeout');
    await until(() => rig.outcomes.some(({ refused }) => refused['head-timeout'] === 1));
  });

  it('an idle connection ends quietly', async () => {
    rig = await TlsRig.start(() => undefined, { idleTimeoutMs: 300 });
    await rig.show('/film', 1);
    const idle = await rig.open();
    idle.write(request('/film', 'Range: bytes=0-0'));
    await heard(idle, 1);
    const end = once(idle, 'end');
    idle.resume();
    await end;
    expect(idle.errored).toBeNull();
  });

  it('a session is resumed by whichever thread accepts it, and a new certificate is shown from then on', async () => {
    rig = await TlsRig.start(() => undefined, {}, 2);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      let session: Buffer | undefined;
      const resumed: boolean[] = [];
      for (let time = 0; time < 6; time += 1) {
        const socket = await rig.open({ maxVersion, ...(session === undefined ? {} : { session }) });
        resumed.push(socket.isSessionReused());
        if (session === undefined) session = socket.getSession();
        if (maxVersion === 'TLSv1.3' && time === 0) [session] = (await once(socket, 'session')) as [Buffer];
        socket.destroy();
      }
      expect(resumed).toEqual([false, true, true, true, true, true]);
    }
    const { secrets, name } = renewedSecrets();
    rig.tell({ kind: 'secrets', secrets });
    await until(async () => {
      const socket = await rig.open();
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN === name;
    });
  });

  it('one more connection of an address than it may have is closed, and a place is free again', async () => {
    rig = await TlsRig.start(() => undefined, { maxConnectionsPerAddress: 2 });
    const [first] = await Promise.all([rig.open(), rig.open()]);
    await expect(rig.open()).rejects.toThrow();
    expect(rig.board.total).toBe(2);
    first?.destroy();
    await until(() => rig.board.total === 1);
    await rig.open();
    await until(() => rig.outcomes.some(({ refused }) => refused['connections-of-address'] === 1));
  });

  it('a stop ends who is idle, answers who has connected to ask, and cuts at the deadline who never does', async () => {
    rig = await TlsRig.start(() => undefined);
    await rig.show('/film', 1);
    const [idle, about, silent] = [await rig.open(), await rig.open(), await rig.open()];
    idle.write(request('/film', 'Range: bytes=0-0'));
    await heard(idle, 1);
    const ended = once(idle, 'end');
    const stopped = rig.stop(2000);
    idle.resume();
    await ended;
    about.write(request('/film', 'Range: bytes=0-3'));
    expect((await heard(about, 4)).head).toContain('Connection: close');
    silent.on('error', () => undefined);
    silent.resume();
    await stopped;
    about.destroy();
  });
});
