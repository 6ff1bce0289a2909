/** Opens connections, asks for `/small` once on each and stays. Argument: port, count. Says `ready`; ends with its input. */
import { connect, type Socket } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
const sockets: Socket[] = [];
const AT_A_TIME = 200;

const answered = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: port ?? 0 });
    sockets.push(socket);
    socket.once('error', reject);
    socket.once('data', () => resolve());
    socket.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
  });

while (sockets.length < (count ?? 0)) {
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, (count ?? 0) - sockets.length) }, answered));
}
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.once('end', () => process.exit());
