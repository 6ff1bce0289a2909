import { connect, type Socket } from 'node:net';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Clock } from '../world/world.ts';

/**
 * BIRD's control socket: one command, one reply. Lines of a reply begin with a four-digit code and `-`, the last one
 * with the code and a space; a line that begins with a space goes on with the code before. Codes from 8000 are errors.
 * The session is restricted first, so that nothing said here can change the router.
 */
const MAX_LINE_CHARS = 65_536;
const SILENCE_MS = 10_000;

/**
 * Asks BIRD one question over a connection of its own, which survives a restart of BIRD by being made anew.
 * @param onLine gets each line of the reply without its code
 * @throws OperationalError ROUTER_UNREACHABLE when BIRD does not answer, or answers with an error
 */
export async function askBird(
  socketFile: string,
  command: string,
  clock: Clock,
  onLine: (text: string) => void,
): Promise<void> {
  if (/[\r\n]/.test(command)) throw new Error('a command is one line');
  const socket = connect(socketFile);
  socket.setEncoding('latin1');
  const reader = new ReplyReader(socket, socketFile, clock);
  try {
    await reader.reply(() => undefined);
    socket.write('restrict\n');
    await reader.reply(() => undefined);
    socket.write(`${command}\n`);
    await reader.reply(onLine);
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw new OperationalError('ROUTER_UNREACHABLE', `BIRD at ${socketFile}: ${messageOf(error)}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

class ReplyReader {
  readonly #pieces: AsyncIterator<string>;
  readonly #socket: Socket;
  readonly #where: string;
  readonly #clock: Clock;
  #rest = '';

  constructor(socket: Socket, where: string, clock: Clock) {
    this.#socket = socket;
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<string>;
    this.#where = where;
    this.#clock = clock;
  }

  /** Reads one reply to its last line. */
  async reply(onLine: (text: string) => void): Promise<void> {
    let code = '';
    for (;;) {
      const line = await this.#line();
      // Lines that begin with a plus are the log, which nobody asked for.
      if (line.startsWith('+')) continue;
      const coded = /^(\d{4})([ -])(.*)$/s.exec(line);
      const text = coded === null ? line.slice(1) : (coded[3] ?? '');
      code = coded?.[1] ?? code;
      if (Number(code) >= 8000) throw new OperationalError('ROUTER_UNREACHABLE', `BIRD at ${this.#where}: ${text}`);
      if (coded?.[2] === ' ') {
        if (text !== '') onLine(text);
        return;
      }
      onLine(text);
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end !== -1) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      if (this.#rest.length > MAX_LINE_CHARS) throw new Error('a line without an end');
      this.#rest += await this.#piece();
    }
  }

  async #piece(): Promise<string> {
    const timer = this.#clock.setTimer(SILENCE_MS, () =>
      this.#socket.destroy(new Error(`silent for ${SILENCE_MS} ms`)),
    );
    try {
      const next = await this.#pieces.next();
      if (next.done === true) throw new Error('closed the connection');
      return next.value;
    } finally {
      timer.cancel();
    }
  }
}
