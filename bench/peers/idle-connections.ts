import { connect, type Socket } from 'node:net';

const AT_ONCE = 100;
const ANSWER_BYTES = 1024;

/** Connections that have asked one small range each, got it, and stay. */
export interface IdleConnections {
  /** How many are open still. */
  open(): number;
  close(): void;
}

/** @throws Error when one is refused or not answered */
export async function openIdle(url: string, path: string, count: number): Promise<IdleConnections> {
  const { hostname, port, host } = new URL(url);
  const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nRange: bytes=0-${ANSWER_BYTES - 1}\r\n\r\n`;
  const sockets: Socket[] = [];
  const one = async (): Promise<void> => {
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      let receivedBytes = 0;
      socket.once('connect', () => socket.write(head));
      socket.once('close', () => reject(new Error(`${url} hung up on connection ${sockets.length}`)));
      socket.on('data', (piece) => {
        receivedBytes += piece.length;
        if (receivedBytes > ANSWER_BYTES) resolve();
      });
    });
  };
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  try {
    const opener = async (): Promise<void> => {
      while (sockets.length < count) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, opener));
  } catch (error) {
    close();
    throw error;
  }
  return {
    open: () => sockets.filter(({ destroyed, readyState }) => !destroyed && readyState === 'open').length,
    close,
  };
}
