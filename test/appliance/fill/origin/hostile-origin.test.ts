import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { patterned } from '../../support/gated-origin.ts';
import { ask, openAnswer } from '../../support/http-client.ts';

const MIB = 2 ** 20;

/** An origin that writes what the test says, byte by byte, well-formed or not. */
class RawOrigin {
  readonly heads: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: (head: string) => readonly (string | Buffer)[]) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString('latin1');
        for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          this.heads.push(head);
          for (const part of answer(head)) socket.write(part);
        }
      });
    });
  }

  static async start(answer: (head: string) => readonly (string | Buffer)[]): Promise<RawOrigin> {
    const origin = new RawOrigin(answer);
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

const head = (status: string, fields: Readonly<Record<string, string | number>>): Buffer =>
  Buffer.from(
    `HTTP/1.1 ${status}\r\n${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
    'utf8',
  );

describe('an origin that answers nonsense', () => {
  let origin: RawOrigin | undefined;
  let rig: ApplianceRig | undefined;

  const start = async (answer: (head: string) => readonly (string | Buffer)[]): Promise<ApplianceRig> => {
    origin = await RawOrigin.start(answer);
    rig = await startAppliance({ flags: { origin: origin.url } });
    return rig;
  };

  beforeEach(() => {
    origin = undefined;
    rig = undefined;
  });

  afterEach(async () => {
    await rig?.stop();
    origin?.stop();
  });

  it('cannot put bytes at a wrong place by a part that begins elsewhere than was asked', async () => {
    const bytes = patterned(2 * MIB);
    const { url } = await start((request) => {
      const range = /range: bytes=(\d+)-(\d+)/i.exec(request);
      const shift = origin?.heads.length === 1 ? 1000 : 0;
      const [first, last] = [Number(range?.[1] ?? 0) + shift, Math.min(Number(range?.[2]), bytes.length - 1)];
      const fields = {
        ETag: '"v1"',
        'Cache-Control': 'max-age=600',
        'Content-Range': `bytes ${first}-${last}/${bytes.length}`,
        'Content-Length': last - first + 1,
      };
      return [head('206 Partial Content', fields), bytes.subarray(first, last + 1)];
    });
    const before = await openAnswer(`${url}/film.mp4`, { headers: { range: 'bytes=0-99' } });
    await before.ended;
    if (before.status === 206) expect(before.body.equals(bytes.subarray(0, 100))).toBe(true);
    else expect(before.status).toBe(502);
    const after = await ask(`${url}/film.mp4`, { headers: { range: `bytes=0-${MIB + 100}` } });
    expect(after.status).toBe(206);
    expect(after.body.equals(bytes.subarray(0, MIB + 101))).toBe(true);
  });

  it('does not spoil a file for as long as it is fresh by one answer with a wrong length', async () => {
    const bytes = patterned(2 * MIB);
    const { url } = await start((request) => {
      const range = /range: bytes=(\d+)-(\d+)/i.exec(request);
      const claimed = bytes.length + (origin?.heads.length === 1 ? 1000 : 0);
      const [first, last] = [Number(range?.[1] ?? 0), Math.min(Number(range?.[2] ?? bytes.length), bytes.length - 1)];
      const fields = {
        ETag: '"v1"',
        'Cache-Control': 'max-age=600',
        'Content-Range': `bytes ${first}-${last}/${claimed}`,
        'Content-Length': last - first + 1,
      };
      return [head('206 Partial Content', fields), bytes.subarray(first, last + 1)];
    });
    await ask(`${url}/film.mp4`, { headers: { range: 'bytes=0-99' } });
    const after = await ask(`${url}/film.mp4`, { headers: { range: `bytes=${MIB}-${MIB + 99}` } });
    expect(after.status).toBe(206);
    expect(after.headers['content-range']).toBe(`bytes ${MIB}-${MIB + 99}/${bytes.length}`);
    expect(after.body.equals(bytes.subarray(MIB, MIB + 100))).toBe(true);
  });

  it.each(['Set-Cookie', 'Age', 'Cache-Status'])(
    'cannot end the process with a %s that no header may carry on',
    async (name) => {
      const { url } = await start(() => [
        head('200 OK', { 'Cache-Control': 'private', [name]: 'a=\u65e5\u672c', 'Content-Length': 2 }),
        'ok',
      ]);
      const answer = await ask(`${url}/page`);
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe('ok');
    },
  );

  it('cannot end the process with the range of a refusal that no header may carry on', async () => {
    const { url } = await start(() => [
      head('416 Range Not Satisfiable', { 'Content-Range': 'bytes */\u65e5', 'Content-Length': 0 }),
    ]);
    const answer = await ask(`${url}/page`, { headers: { range: 'bytes=5-' } });
    expect(answer.status).toBe(416);
  });

  it.each([
    ['with a validator', { ETag: '"v1"' }],
    ['without one', {}],
  ])('cannot take all memory by promising more bytes than any disk has, %s', async (_, fields) => {
    const { url } = await start(() => [
      head('200 OK', { ...fields, 'Cache-Control': 'max-age=600', 'Content-Length': '9007199254740991' }),
      'some bytes',
    ]);
    const answer = await openAnswer(`${url}/endless`);
    expect(answer.status).toBe(200);
    await answer.received(10);
    answer.leave();
  });
});
