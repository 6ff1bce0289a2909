import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { until } from '../../../support/until.ts';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** A connection on which bytes are written as they are. */
export class RawClient {
  readonly socket: Socket;
  /** 'end': the server has closed its side; otherwise the error, or what we did ourselves. */
  readonly ended: Promise<string>;
  /** Of what was not taken as an answer yet. */
  receivedBytes = 0;
  #pieces: Buffer[] = [];
  #neededBytes = 0;
  #hasEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => {
      this.#pieces.push(piece);
      this.receivedBytes += piece.length;
    });
    this.ended = new Promise((resolve) => {
      socket.on('end', () => this.#end('end', resolve));
      socket.on('error', (error) => this.#end('code' in error ? String(error.code) : error.message, resolve));
      socket.on('close', () => this.#end('closed', resolve));
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return client;
  }

  get received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  write(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Writes, and waits until the other side has taken all of it out of its socket. */
  async writeAndSee(text: string): Promise<void> {
    this.write(text);
    await until(() => this.socket.writableLength === 0 && this.#unreadByServer() === 0);
  }

  /** The next answer, whole; its bytes are not looked at again. */
  async answer(isHead = false): Promise<RawAnswer> {
    let found: { readonly answer: RawAnswer; readonly length: number } | undefined;
    await until(() => {
      // Putting the pieces together again and again takes longer than the answer, where that is large.
      if (this.receivedBytes >= this.#neededBytes) found = this.#find(isHead);
      return found !== undefined || this.#hasEnded;
    });
    if (found === undefined) throw new Error(`the connection ended after ${this.received.length} bytes`);
    this.#pieces = [this.received.subarray(found.length)];
    this.receivedBytes -= found.length;
    this.#neededBytes = 0;
    return found.answer;
  }

  #find(isHead: boolean): { readonly answer: RawAnswer; readonly length: number } | undefined {
    const read = readAnswer(this.received, isHead);
    if (typeof read === 'object') return read;
    this.#neededBytes = read;
    return undefined;
  }

  async ask(path: string, ...fields: readonly string[]): Promise<RawAnswer> {
    this.write(requestFor(path, ...fields));
    return this.answer();
  }

  #end(how: string, resolve: (how: string) => void): void {
    this.#hasEnded = true;
    resolve(how);
  }

  /** proc(5), /proc/net/tcp: the queue of what was received and not read, at the server's end of this connection. */
  #unreadByServer(): number {
    const ports = [this.socket.remotePort, this.socket.localPort].map((port) =>
      (port ?? 0).toString(16).toUpperCase().padStart(4, '0'),
    );
    for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
      const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/);
      if (local.endsWith(`:${ports[0]}`) && remote.endsWith(`:${ports[1]}`)) {
        return Number.parseInt(queues.split(':')[1] ?? '0', 16);
      }
    }
    return 0;
  }
}

export const requestFor = (path: string, ...fields: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: cdn.example', ...fields, '', ''].join('\r\n');

/** @returns how many bytes it takes at least, while it is not whole */
function readAnswer(bytes: Buffer, isHead: boolean): { readonly answer: RawAnswer; readonly length: number } | number {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return bytes.length + 1;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const hasBody = !isHead && status !== 304;
  const bodyLength = hasBody ? Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0) : 0;
  const length = headEnd + 4 + bodyLength;
  if (bytes.length < length) return length;
  return { answer: { status, head, body: bytes.subarray(headEnd + 4, length) }, length };
}
