import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { ask } from '../../support/http-client.ts';

const CHUNKS = '5\r\nwrong\r\n0\r\n\r\n';
const FRESH = 'Cache-Control: max-age=600\r\nETag: "v1"\r\n';
const RIGHT = `HTTP/1.1 200 OK\r\n${FRESH}Content-Length: 5\r\n\r\nright`;

describe('an answer whose end is a matter of opinion', () => {
  let rig: ApplianceRig;
  let server: Server;
  let sockets: Set<Socket>;
  let answers: string[];

  beforeEach(async () => {
    sockets = new Set();
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', () =>
        socket.write(answers.length > 1 ? (answers.shift() ?? '') : (answers[0] ?? ''), 'latin1'),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    rig = await startAppliance({ flags: { origin: `http://127.0.0.1:${port}`, failureTtlSec: 0 } });
  });

  afterEach(async () => {
    await rig.stop();
    server.close();
    for (const socket of sockets) socket.destroy();
  });

  it.each([
    ['a length and a coding', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n\r\nwrong'],
    ['a coding that we do not remove', `Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}`],
    ['a folded line', 'X-A: one\r\n two\r\nContent-Length: 5\r\n\r\nwrong'],
    ['a bare CR', 'X-A: one\rContent-Length: 9\r\nContent-Length: 5\r\n\r\nwrong'],
  ])('(%s) is refused, and nothing of it is stored or served', async (_what, rest) => {
    answers = [`HTTP/1.1 200 OK\r\n${FRESH}${rest}`];
    const refused = await ask(`${rig.url}/film`);
    expect(refused.status).toBe(502);
    expect(refused.body.length).toBe(0);
    answers = [RIGHT];
    expect((await ask(`${rig.url}/film`)).body.toString()).toBe('right');
    const again = await ask(`${rig.url}/film`);
    expect(again.body.toString()).toBe('right');
    expect(again.headers['cache-status']).toContain('hit');
    expect(again.headers['x-a']).toBeUndefined();
  });

  it('is not made by early hints and trailers, of which nothing is kept', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nETag: "early"\r\nX-Early: 1\r\n\r\n';
    const late = '5\r\nright\r\n0\r\nX-Late: 1\r\nETag: "late"\r\n\r\n';
    answers = [`${hints}HTTP/1.1 200 OK\r\n${FRESH}Transfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n${late}`];
    await ask(`${rig.url}/film`);
    const answer = await ask(`${rig.url}/film`);
    expect(answer.status).toBe(200);
    expect(answer.headers.etag).toBe('"v1"');
    for (const name of ['x-early', 'x-late', 'trailer']) expect(answer.headers[name]).toBeUndefined();
  });
});
