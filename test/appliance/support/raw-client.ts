import { connect } from 'node:net';

/** What came back on one connection. */
export interface Heard {
  readonly text: string;
  /** Of all answers, in order. 100 is left out. */
  readonly statuses: readonly number[];
}

/** Sends text as it is (latin1), and listens until the other side ends the connection, or cuts it. */
export function talk(url: string, ...pieces: readonly string[]): Promise<Heard> {
  return listen(url, pieces, () => false);
}

/** As `talk`, and leaves as soon as `isEnough` says so of what came back. */
export function talkUntil(url: string, text: string, isEnough: (heard: string) => boolean): Promise<Heard> {
  return listen(url, [text], isEnough);
}

function listen(url: string, pieces: readonly string[], isEnough: (heard: string) => boolean): Promise<Heard> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    const done = (): void => {
      socket.destroy();
      resolve({ text, statuses: statusesIn(text) });
    };
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece, 'latin1');
    });
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (isEnough(text)) done();
    });
    socket.on('end', done);
    socket.on('close', done);
    // A reset is an end like another: what came before it counts.
    socket.on('error', (error) => {
      if ('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) done();
      else reject(error);
    });
  });
}

const statusesIn = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)).filter((status) => status !== 100);
