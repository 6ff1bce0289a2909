import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect as connectRaw } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ConnectionBoard } from '../../../../appliance/fast-path/connection-board.ts';
import { HandOver } from '../../../../appliance/fast-path/hand-over.ts';
import { openListeningSocket } from '../../../../appliance/fast-path/listening.ts';
import { LoadBoard } from '../../../../appliance/fast-path/load-board.ts';
import type { OutcomeBatch, ToOwner, WireLimits } from '../../../../appliance/fast-path/messages.ts';
import { WireThreadLink } from '../../../../appliance/fast-path/owner/wire-thread-link.ts';
import type { TlsSecrets, ToTlsThread } from '../../../../appliance/fast-path/tls/tls-messages.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { ArenaRig, libcLoad, publishedOf } from '../../memory/arena-rig.ts';

const TLS = join(import.meta.dirname, '../../../support/tls');
export const hasLibc = libcLoad.kind === 'loaded';

const secretsOfTest = (): TlsSecrets => ({
  cert: readFileSync(join(TLS, 'test-only-cert.pem'), 'utf8'),
  key: readFileSync(join(TLS, 'test-only-key.pem'), 'utf8'),
  ticketKeys: Buffer.alloc(48, 7),
});

const LIMITS: WireLimits = {
  applianceId: 'oca-1',
  maxTargetChars: 4096,
  headTimeoutMs: 5000,
  idleTimeoutMs: 30_000,
  sendStallMs: 30_000,
  minClientBytesPerSec: 1,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  maxActiveRequests: 100,
  readerTimeoutMs: 30_000,
  hasCmsd: false,
  tokenMode: 'off',
  tokenPrefixes: [],
  pacing: 'off',
};

/** Types of TLS records (RFC 5246 section 6.2.1). */
export const ALERT = 21;
export const APPLICATION_DATA = 23;

function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] ?? 0);
  return types;
}

/** Another certificate, and the name in it. */
export function renewedSecrets(): { secrets: TlsSecrets; name: string } {
  const folder = mkdtempSync(join(tmpdir(), 'oca-tls-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=renewed'.split(
    ' ',
  );
  spawnSync('openssl', [...words, '-keyout', keyFile, '-out', certFile]);
  const secrets = { ...secretsOfTest(), cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  rmSync(folder, { recursive: true, force: true });
  return { secrets, name: 'renewed' };
}

/** A TLS thread in front of an arena that the test fills, and of a reference engine that answers as the test says. */
export class TlsRig {
  readonly arena = new ArenaRig({ capacityBytes: 16 * BLOCK_BYTES });
  readonly outcomes: OutcomeBatch[] = [];
  /** What it said besides; questions are answered by `onWant`. */
  readonly heard: ToOwner[] = [];
  onWant: (message: ToOwner & { readonly ticket: number }) => void = ({ ticket }) =>
    this.tell({ kind: 'not-here', ticket });
  readonly board: ConnectionBoard;
  readonly #connections = ConnectionBoard.allocate(1);
  readonly #links: WireThreadLink[] = [];
  readonly #handOver: HandOver;
  readonly #ready: Promise<void>[] = [];
  #port = 0;
  #isStopped = false;

  private constructor(reference: RequestListener) {
    this.board = new ConnectionBoard(this.#connections, LIMITS);
    if (libcLoad.kind === 'missing') throw new Error(libcLoad.because);
    const { libc } = libcLoad;
    const server = createServer(reference);
    server.on('request', ({ socket }, response) => response.once('close', () => this.#handOver.answered(socket, true)));
    this.#handOver = new HandOver(server, {
      libc,
      giveBack: (connection) => this.#linkOf(connection.tunnel)?.post({ kind: 'take', connection }),
      gone: () => undefined,
      cut: ({ tunnel = 0 }) => this.#linkOf(tunnel)?.post({ kind: 'tunnel-cut', tunnel }),
    });
  }

  static async start(reference: RequestListener, limits: Partial<WireLimits> = {}, threads = 1): Promise<TlsRig> {
    const rig = new TlsRig(reference);
    await rig.#start({ ...LIMITS, ...limits }, threads);
    return rig;
  }

  /** Shows an object of so many blocks, each of one repeated byte: its number and one. */
  async show(key: string, blocks: number, missing: readonly number[] = []): Promise<void> {
    const { arena } = this.arena;
    const content = arena.begin();
    for (let block = 0; block < blocks; block += 1) {
      if (!missing.includes(block)) await this.arena.load(content, block, block + 1, BLOCK_BYTES);
    }
    const nowMs = Date.now();
    const freshUntilMs = nowMs + 60_000;
    arena.show(content, publishedOf(key, { sizeBytes: blocks * BLOCK_BYTES, confirmedAtMs: nowMs, freshUntilMs }));
  }

  tell(message: ToTlsThread): void {
    for (const link of this.#links) link.post(message);
  }

  open(options: ConnectionOptions = {}): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.#port, rejectUnauthorized: false, ...options }, () =>
        resolve(socket),
      );
      socket.once('error', reject);
    });
  }

  /** Asks over a connection whose records are watched. TLS 1.2, where their types can be read from outside. */
  async records(text: string): Promise<{ readonly ended: Promise<unknown>; readonly types: () => number[] }> {
    const raw = connectRaw({ host: '127.0.0.1', port: this.#port });
    await once(raw, 'connect');
    const pieces: Buffer[] = [];
    const watched = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer, _encoding, done) => raw.write(bytes, done),
      final: (done) => void raw.end(done),
    });
    raw.on('data', (bytes) => {
      pieces.push(bytes);
      watched.push(bytes);
    });
    raw.on('end', () => watched.push(null));
    raw.on('error', () => watched.destroy());
    const socket = connect({ socket: watched, rejectUnauthorized: false, maxVersion: 'TLSv1.2' }, () =>
      socket.write(text),
    );
    socket.on('error', () => undefined);
    socket.resume();
    return { ended: once(raw, 'close'), types: () => recordTypes(Buffer.concat(pieces)) };
  }

  async stop(deadlineMs = 0): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.tell({ kind: 'stop', deadlineMs });
    await Promise.all(this.#links.map(({ ended }) => ended));
    this.arena[Symbol.dispose]();
  }

  async #start(limits: WireLimits, threads: number): Promise<void> {
    if (libcLoad.kind === 'missing') throw new Error(libcLoad.because);
    const { libc } = libcLoad;
    const { fd, address } = await openListeningSocket(libc, { host: '127.0.0.1', port: 0 }, undefined);
    this.#port = address.port;
    const load = LoadBoard.allocate(threads + 1);
    for (let number = 0; number < threads; number += 1) {
      const ready = Promise.withResolvers<void>();
      const data = {
        number,
        memory: { ...this.arena.arena.shared },
        connections: this.#connections,
        load,
        listenFd: libc.duplicate(fd),
        wakeFd: libc.eventfd(),
        limits,
        secrets: secretsOfTest(),
      };
      const program = new URL('../../../../appliance/fast-path/tls/tls-thread.ts', import.meta.url);
      const onMessage = (message: ToOwner): void => {
        if (message.kind === 'ready') ready.resolve();
        else this.#hear(message);
      };
      const onDied = (cause: unknown): never => {
        throw cause;
      };
      this.#links.push(new WireThreadLink({ libc, program, data, onMessage, onDied }));
      this.#ready.push(ready.promise);
    }
    await Promise.all(this.#ready);
    libc.close(fd);
  }

  #hear(message: ToOwner): void {
    this.heard.push(message);
    if (message.kind === 'over') this.#handOver.take(message.connection, message.bytes, message.isOneHead);
    else if (message.kind === 'outcomes') this.outcomes.push(message.batch);
    else if (message.kind === 'want' || message.kind === 'want-object') this.onWant(message);
  }

  #linkOf(tunnel = 0): WireThreadLink | undefined {
    return this.#links[tunnel % this.arena.arena.shared.readerCount];
  }
}
