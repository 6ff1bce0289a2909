import { write, writeSync } from 'node:fs';

/**
 * Log lines on their way to a file descriptor. What takes them may be slow, full or gone: a disk without room, a pipe
 * that nobody reads any more. Ready-made writers then grow without limit, raise an error that ends the process, or try
 * the same line for ever, also at exit. A service must outlive its log, so here lines wait in memory up to a limit and
 * are written in the background, one write at a time; what cannot be written is dropped and counted, and who asks is
 * told once lines get through again.
 *
 * Limits: a write that blocks (a pipe whose reader stands still) keeps one thread of Node's pool.
 */
export interface LogLinesOptions {
  readonly maxWaitingChars: number;
  /** Lines get through again; so many were dropped before. */
  readonly onLost: (lines: number) => void;
}

const TRY_AGAIN_MS = 50;
/** A write that takes longer stands before a reader that reads no more. */
const STUCK_MS = 1000;

export class LogLines {
  readonly #descriptor: number;
  readonly #options: LogLinesOptions;
  #waiting: string[] = [];
  #waitingChars = 0;
  #lostLines = 0;
  #isWriting = false;
  /** When the write began that a thread of the pool is in now. */
  #inThreadSinceMs: number | undefined;

  constructor(descriptor: number, options: LogLinesOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
    process.on('exit', () => this.#end());
  }

  /** Takes one line with its line end. Never throws. */
  write(line: string): void {
    if (this.#waitingChars + line.length > this.#options.maxWaitingChars) {
      this.#lostLines += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingChars += line.length;
    // Not at once: lines of one turn go out together, and what is logged just before an exit is written by it.
    if (this.#waiting.length === 1 && !this.#isWriting) setImmediate(() => this.#writeNext());
  }

  #writeNext(): void {
    if (this.#isWriting || this.#waiting.length === 0) return;
    const lines = this.#take();
    this.#isWriting = true;
    this.#writeAll(Buffer.from(lines.join('')), lines.length);
  }

  #take(): string[] {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    return lines;
  }

  #writeAll(bytes: Buffer, lines: number): void {
    this.#inThreadSinceMs = performance.now();
    write(this.#descriptor, bytes, (error, written) => {
      this.#inThreadSinceMs = undefined;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeAll(bytes, lines), TRY_AGAIN_MS).unref();
      } else if (error === null && written < bytes.length) {
        this.#writeAll(bytes.subarray(written), lines);
      } else {
        this.#wrote(error === null, lines);
      }
    });
  }

  #wrote(isWritten: boolean, lines: number): void {
    this.#isWriting = false;
    if (!isWritten) this.#lostLines += lines;
    else if (this.#lostLines > 0) {
      const lost = this.#lostLines;
      this.#lostLines = 0;
      this.#options.onLost(lost);
    }
    this.#writeNext();
  }

  /** The process ends: one try for what waits, and no waiting for who takes nothing. */
  #end(): void {
    const sinceMs = this.#inThreadSinceMs;
    if (sinceMs !== undefined && performance.now() - sinceMs > STUCK_MS) {
      // Node joins the thread of the blocked write before it ends, which would be never.
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    try {
      let bytes = Buffer.from(this.#take().join(''));
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#descriptor, bytes));
    } catch {
      // Nobody takes it, and there is nobody left to tell.
    }
  }
}
