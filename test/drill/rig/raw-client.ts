import { connect } from 'node:net';

export interface RawAnswer {
  readonly text: string;
  /** The statuses of all answers that came on the connection, in their order. */
  readonly statuses: readonly number[];
  /** Whether the other side ended the connection before the time was up. */
  readonly isClosed: boolean;
  readonly afterMs: number;
}

/** Writes bytes to a connection, as no HTTP library would, and takes what comes until it closes or the time is up. */
export function sendRaw(url: string, pieces: readonly string[], limitMs: number, everyMs = 0): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const rest = [...pieces];
    let text = '';
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      clearInterval(writing);
      socket.destroy();
      const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
      resolve({ text, statuses, isClosed, afterMs: performance.now() - startedMs });
    };
    const writeNext = (): void => {
      const piece = rest.shift();
      if (piece !== undefined && socket.writable) socket.write(piece, 'latin1');
    };
    const writing = setInterval(writeNext, Math.max(1, everyMs));
    const timer = setTimeout(() => finish(false), limitMs);
    socket.once('connect', writeNext);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.once('close', () => finish(true));
  });
}
