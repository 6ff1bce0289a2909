import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PROBE, type Script } from './generate.ts';

/** After so long without a word the server waits for more, and no answer is waited for. */
const QUIET_MS = 40;
/** After so long it does not end at all, which is heard, too. */
const ENDLESS_MS = 10_000;

/** How often a conversation is tried anew that a reset ended. */
const TRIES = 3;
const HEAD_ENDS = '\r\n\r\n';

/** What one connection heard until its end, as latin1. */
export interface Conversation {
  readonly text: string;
  /** It was ended by a reset. */
  readonly isReset: boolean;
  /** Something was said before what came before it was answered. */
  readonly isPipelined: boolean;
}

/**
 * What a server says to a script. One that refuses and closes while more is on its way to it resets the connection, and
 * a client that is writing may lose the refusal by that: then it is tried again, and the one that heard most counts.
 */
export async function converse(port: number, script: Script): Promise<Conversation> {
  let most: Conversation | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const heard = await converseOnce(port, script);
    if (!heard.isReset) return heard;
    if (most === undefined || heard.text.length > most.text.length) most = heard;
  }
  if (most === undefined) throw new Error('nothing was tried');
  return most;
}

async function converseOnce(port: number, { sound, last, isPipelined }: Script): Promise<Conversation> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const heard = new Heard(socket);
  for (const request of sound) {
    if (heard.isEnded) break;
    heard.expect(request.startsWith('HEAD '));
    socket.write(request, 'latin1');
    await heard.answer(ENDLESS_MS);
  }
  const text = last.join('');
  heard.expect(text.startsWith('HEAD '));
  for (const piece of last) {
    if (heard.isEnded) break;
    socket.write(piece, 'latin1');
    if (last.length > 1) await nextTurn();
  }
  if (!isPipelined) await heard.answer(QUIET_MS);
  const isAnswered = heard.isAnswered;
  if (!heard.isEnded) socket.write(PROBE, 'latin1');
  heard.expectEnd();
  await heard.answer(ENDLESS_MS);
  socket.destroy();
  return {
    text: heard.isEnded ? heard.text : `${heard.text}(and no end)`,
    isReset: heard.isReset,
    isPipelined: !isAnswered || text.indexOf(HEAD_ENDS) + HEAD_ENDS.length !== text.length,
  };
}

/** What comes back, and whether the answer that is awaited is whole. */
class Heard {
  isEnded = false;
  isReset = false;
  readonly #pieces: Buffer[] = [];
  /** Of the answer that is awaited. */
  #head = '';
  #answerBytes = 0;
  #wholeBytes: number | undefined;
  #isHead = false;
  #isForEnd = false;
  #refresh: (() => void) | undefined;
  #awaited: (() => void) | undefined;

  constructor(socket: Socket) {
    const end = (): void => {
      this.isEnded = true;
      this.#awaited?.();
    };
    socket.on('data', (piece) => this.#take(piece));
    socket.on('error', () => {
      this.isReset = true;
    });
    socket.on('end', end);
    socket.on('close', end);
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  expect(isHead: boolean): void {
    this.#head = '';
    this.#answerBytes = 0;
    this.#wholeBytes = undefined;
    this.#isHead = isHead;
  }

  /** Nothing but the end counts from now on. */
  expectEnd(): void {
    this.#isForEnd = true;
  }

  /** Waits for what is expected, for a time after the last word. */
  answer(quietMs: number): Promise<void> {
    if (this.isAnswered) return Promise.resolve();
    return new Promise((resolve) => {
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(quiet);
        this.#awaited = undefined;
        this.#refresh = undefined;
        resolve();
      };
      const goOn = (): void => {
        if (!isOver) quiet.refresh();
      };
      // Where this process stood still, what came meanwhile is read before anybody is called quiet.
      const look = (): void => {
        const heard = this.#pieces.length;
        setImmediate(() => (this.#pieces.length === heard ? end() : goOn()));
      };
      const quiet = setTimeout(look, quietMs);
      this.#refresh = goOn;
      this.#awaited = end;
    });
  }

  #take(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#refresh?.();
    if (this.#isForEnd) return;
    this.#answerBytes += piece.length;
    if (this.#wholeBytes === undefined) {
      this.#head += piece.toString('latin1');
      this.#wholeBytes = wholeBytes(this.#head, this.#isHead);
    }
    if (this.#isWhole()) this.#awaited?.();
  }

  get isAnswered(): boolean {
    return this.isEnded || this.#isWhole();
  }

  #isWhole(): boolean {
    return !this.#isForEnd && this.#answerBytes >= (this.#wholeBytes ?? Number.POSITIVE_INFINITY);
  }
}

/** How long the answer is that begins so; undefined while nobody can say. */
function wholeBytes(text: string, isHead: boolean): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  if (isHead || /^HTTP\/1\.1 (?:304|204)/.test(head)) return headEnd + 4;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length === undefined ? undefined : headEnd + 4 + Number(length);
}
