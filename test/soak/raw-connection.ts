import { connect, type Socket } from 'node:net';
import type { Answered } from '../model/judge.ts';

/** An answer as far as it came. */
export interface RawAnswer extends Answered {
  /** 'cut': the connection ended before the body did. */
  readonly end: 'complete' | 'cut';
}

const HEAD_END = '\r\n\r\n';
const MOST_HEAD_BYTES = 65_536;

/**
 * One connection on which requests are written as bytes, and answers with a Content-Length are read in their order: what
 * pipelining, leaving in the middle and reading slowly need, and no HTTP client gives.
 */
export class RawConnection {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #bufferedBytes = 0;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#bufferedBytes += piece.length;
      this.#wake();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** Nothing is taken from the kernel until `resume`: the server sees a reader that is slow. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(how: 'close' | 'reset'): void {
    if (how === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /**
   * The next answer. Undefined when the connection ended before any byte of it.
   * @param mostBytes of the body; then the answer is given as it is, and the rest stays unread
   * @param onBytes is told how much of the body is here, whenever more comes
   */
  async answer(
    method: string,
    mostBytes = Number.POSITIVE_INFINITY,
    onBytes: (bytes: number) => Promise<void> | undefined = () => undefined,
  ): Promise<RawAnswer | undefined> {
    const head = await this.#takeHead();
    if (head === undefined) return undefined;
    const { status, headers } = head;
    const hasBody = method !== 'HEAD' && status !== 304 && status !== 204;
    const length = hasBody ? Number(headers['content-length']) : 0;
    if (!Number.isFinite(length)) throw new Error(`an answer without Content-Length: ${JSON.stringify(head)}`);
    const wanted = Math.min(length, mostBytes);
    while (this.#bufferedBytes < wanted && !this.#isOver) {
      await this.#more();
      await onBytes(Math.min(this.#bufferedBytes, wanted));
    }
    const body = this.#take(wanted);
    return { status, headers, body, end: body.length < length ? 'cut' : 'complete' };
  }

  async #takeHead(): Promise<{ status: number; headers: Record<string, string> } | undefined> {
    for (;;) {
      const all = this.#joined();
      const at = all.indexOf(HEAD_END);
      if (at >= 0) return parseHead(this.#take(at + HEAD_END.length).toString('latin1'));
      if (all.length > MOST_HEAD_BYTES)
        throw new Error(`no head in ${all.length} bytes: ${all.subarray(0, 200).toString('latin1')}`);
      if (this.#isOver) return undefined;
      await this.#more();
    }
  }

  #more(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #joined(): Buffer {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    const taken = all.subarray(0, count);
    this.#pieces = [all.subarray(taken.length)];
    this.#bufferedBytes = all.length - taken.length;
    return taken;
  }
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const [first = '', ...lines] = text.trimEnd().split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (!Number.isInteger(status)) throw new Error(`not the head of an answer: ${JSON.stringify(text.slice(0, 300))}`);
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status, headers: Object.fromEntries(fields) };
}
