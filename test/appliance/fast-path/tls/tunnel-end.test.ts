import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { cutAnswer } from '../../../../appliance/delivery/cut-answer.ts';
import { HandOver } from '../../../../appliance/fast-path/hand-over.ts';
import { loadLibc } from '../../../../appliance/kernel/libc.ts';

const load = loadLibc();
const CLIENT = { remoteAddress: '192.0.2.7', remotePort: 4711 };
const REQUEST = 'GET /film HTTP/1.1\r\nHost: a\r\n\r\n';

/** Asks through a tunnel. @returns what came out at the thread's end, and in which order word of a cut came */
async function askThrough(answer: RequestListener): Promise<{ text: string; events: string[] }> {
  if (load.kind === 'missing') throw new Error(load.because);
  const { libc } = load;
  const pair = libc.socketPair();
  if (typeof pair === 'number') throw new Error(`no pair: ${pair}`);
  const events: string[] = [];
  const near = new Socket({ fd: pair[0], readable: true, writable: true, allowHalfOpen: true });
  const server = createServer(answer);
  server.on('request', ({ socket }, response) => response.once('close', () => handOver.answered(socket, true)));
  const handOver = new HandOver(server, {
    libc,
    giveBack: ({ fd, tunnel }) => {
      events.push(`back ${tunnel}`);
      libc.close(fd);
    },
    gone: () => undefined,
    cut: () => events.push('cut'),
  });
  handOver.take({ ...CLIENT, fd: pair[1], countedAt: 0, tunnel: 1 }, Buffer.from(REQUEST), true);
  near.on('end', () => events.push('end'));
  let text = '';
  near.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  await once(near, 'end');
  near.destroy();
  return { text, events };
}

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
test.skipIf(load.kind === 'missing')('the reference engine sees the client and not the tunnel', async () => {
  const { text, events } = await askThrough(({ socket }, response) => {
    response.setHeader('Connection', 'close').end(`${socket.remoteAddress} ${socket.remotePort}`);
  });
  expect(text).toContain('192.0.2.7 4711');
  expect(events).toEqual(['end']);
});

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
test.skipIf(load.kind === 'missing')(
  'of an answer that is broken off the thread hears before it meets the end',
  async () => {
    const breakings: Array<(...words: Parameters<RequestListener>) => void> = [
      (_request, response) => cutAnswer(response),
      (_request, response) => response.destroy(),
    ];
    for (const breakOff of breakings) {
      const { text, events } = await askThrough((request, response) => {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('half', () => breakOff(request, response));
      });
      expect(text).toContain('half');
      expect(events).toEqual(['cut', 'end']);
    }
  },
);

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
test.skipIf(load.kind === 'missing')('an answer that is complete sends the tunnel back, which is no cut', async () => {
  const { text, events } = await askThrough((_request, response) => response.end('whole'));
  expect(text).toContain('whole');
  expect(events).toEqual(['back 1', 'end']);
});
