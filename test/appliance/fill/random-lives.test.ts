/**
 * Many viewers, a small disk, and an origin that breaks off, refuses, forgets ranges and replaces files: whatever an
 * answer says it is, it must be, byte for byte, of one generation. Seeds make a run repeatable in what is asked and
 * what goes wrong; the order in which sockets deliver is the machine's.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Random } from '../../../src/world/world.ts';
import { seededRandom } from '../../support/fake-world.ts';
import { until } from '../../support/until.ts';
import { startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, type OpenAnswer, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const PATHS = ['/a', '/b', '/c', '/d'];
const LIVES = 80;
const VIEWERS = 8;

class MoodyOrigin {
  readonly #random: Random;
  readonly #generations = new Map<string, number>();
  readonly #bytes = new Map<string, Buffer>();
  readonly #server: Server;
  isKind = false;

  constructor(random: Random) {
    this.#random = random;
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      if (!this.isKind && this.#random.next() < 0.04) this.#generations.set(path, this.generation(path) + 1);
      const mood = this.isKind ? 1 : this.#random.next();
      const etag = `"${path.slice(1)}-${this.generation(path)}"`;
      const bytes = this.bytesOf(etag);
      const headers = { etag, 'cache-control': 'max-age=2', 'content-type': 'video/mp4' };
      if (mood < 0.05) return void response.writeHead(503).end();
      if (mood < 0.08) return void response.destroy();
      if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
      const match = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '');
      const ifRange = request.headers['if-range'];
      const isPart = match !== null && mood > 0.15 && (ifRange === undefined || ifRange === etag);
      const first = isPart ? Number(match[1]) : 0;
      const last = isPart ? Math.min(Number(match[2] ?? bytes.length - 1), bytes.length - 1) : bytes.length - 1;
      if (first > last) return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      const body = bytes.subarray(first, last + 1);
      response.writeHead(isPart ? 206 : 200, {
        ...headers,
        'content-length': body.length,
        ...(isPart ? { 'content-range': `bytes ${first}-${last}/${bytes.length}` } : {}),
      });
      if (request.method === 'HEAD') return void response.end();
      const sent = mood < 0.3 ? body.subarray(0, Math.floor(this.#random.next() * body.length)) : body;
      response.write(sent, () => (sent === body ? response.end() : response.destroy()));
      return undefined;
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  generation(path: string): number {
    return this.#generations.get(path) ?? 1;
  }

  /** What a tag stands for: every generation has its own bytes and its own size. */
  bytesOf(etag: string): Buffer {
    const known = this.#bytes.get(etag);
    if (known !== undefined) return known;
    const [name = '', generation = ''] = etag.replaceAll('"', '').split('-');
    const seed = name.charCodeAt(0) * 1000 + Number(generation);
    const bytes = patterned(Math.floor((0.3 + (seed % 7) / 3) * MIB), seed);
    this.#bytes.set(etag, bytes);
    return bytes;
  }
}

interface Wish {
  readonly path: string;
  readonly range: string | undefined;
  readonly leaves: boolean;
}

function wish(random: Random): Wish {
  const at = (): number => Math.floor(random.next() * 3 * MIB);
  const first = at();
  const kinds = [
    undefined,
    `bytes=${first}-${first + Math.floor(random.next() * MIB)}`,
    `bytes=${first}-${first}`,
    `bytes=-${Math.floor(random.next() * 5000)}`,
    `bytes=${first}-`,
    `bytes=0-99,${MIB - 50}-${MIB + 50}`,
  ];
  const range = kinds[Math.floor(random.next() * kinds.length)];
  return { path: PATHS[Math.floor(random.next() * PATHS.length)] ?? '/a', range, leaves: random.next() < 0.15 };
}

/** The bytes that a complete answer must have, by its own head. */
function promised(answer: OpenAnswer, origin: MoodyOrigin): Buffer {
  const whole = origin.bytesOf(answer.headers.etag ?? '');
  if (answer.status === 200) return whole;
  const single = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '');
  if (single !== null) {
    expect(Number(single[3])).toBe(whole.length);
    return whole.subarray(Number(single[1]), Number(single[2]) + 1);
  }
  const boundary = /boundary=(\S+)/.exec(answer.headers['content-type'] ?? '')?.[1] ?? 'none';
  const text = answer.body.toString('latin1');
  const parts = [...text.matchAll(/Content-Range: (bytes (\d+)-(\d+)\/\d+)\r\n\r\n/g)].map(
    ([, range = '', first, last]) =>
      `--${boundary}\r\nContent-Type: video/mp4\r\nContent-Range: ${range}\r\n\r\n` +
      whole.subarray(Number(first), Number(last) + 1).toString('latin1'),
  );
  return Buffer.from(`${parts.join('\r\n')}\r\n--${boundary}--\r\n`, 'latin1');
}

describe('whatever goes wrong', () => {
  it.each([1, 2, 3])('an answer is what it says it is (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const origin = new MoodyOrigin(seededRandom(seed + 1000));
    const unused = await GatedOrigin.start();
    const rig = await startAppliance({
      origin: unused,
      flags: { origin: await origin.listen(), volumeCapacityBytes: '5Mi', memoryBytes: '2Mi', readAheadBlocks: 2 },
    });
    const outcomes = new Map<string, number>();
    const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const view = async ({ path, range, leaves }: Wish): Promise<void> => {
      const answer = await openAnswer(`${rig.url}${path}`, { headers: range === undefined ? {} : { range } });
      if (leaves) {
        answer.leave();
        return count('left');
      }
      const end = await answer.ended;
      if (end === 'cut') return count('cut');
      if (answer.status === 200 || answer.status === 206) {
        expect(answer.body.equals(promised(answer, origin)), `${path} ${range} ${answer.headers.etag}`).toBe(true);
        return count('right');
      }
      expect([416, 502, 503, 504]).toContain(answer.status);
      return count(String(answer.status));
    };
    const wishes = Array.from({ length: LIVES }, () => wish(random));
    const lives = Array.from({ length: VIEWERS }, async () => {
      for (let next = wishes.pop(); next !== undefined; next = wishes.pop()) await view(next);
    });
    await Promise.all(lives);
    expect(outcomes.get('right') ?? 0).toBeGreaterThan(LIVES / 3);

    origin.isKind = true;
    for (const path of PATHS) {
      const answer = await ask(`${rig.url}${path}`, { headers: { 'cache-control': 'no-cache' } });
      expect(answer.status).toBe(200);
      expect(answer.body.equals(promised(answer, origin))).toBe(true);
      expect(answer.headers.etag).toBe(`"${path.slice(1)}-${origin.generation(path)}"`);
    }
    await until(async () => {
      const known = await Promise.all(PATHS.map((path) => ask(`${rig.adminUrl}/v1/explain?path=${path}`)));
      const state = await ask(`${rig.adminUrl}/v1/state`);
      return (
        known.every(({ status, body }) => status === 404 || body.toString().includes('"blocksOnTheirWay":[]')) &&
        state.body.toString().includes('"activeRequests":0')
      );
    });
    await rig.stop();
    await unused.stop();
    origin.close();
  });
});
