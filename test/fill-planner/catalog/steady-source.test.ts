import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { httpSource } from '../../../fill-planner/catalog/source/http-source.ts';
import { steadySource } from '../../../fill-planner/catalog/source/steady-source.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { systemWorld, type World } from '../../../src/world/world.ts';

const FILE = randomBytes(5_000_000);
const HELLO = 'hello.txt';

type Answer = (request: IncomingMessage, response: ServerResponse, startByte: number) => void;

/** A world in which waiting takes no time, and is counted. */
function hastyWorld(): { world: World; waitsMs: number[] } {
  const waitsMs: number[] = [];
  const delay = async (delayMs: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    waitsMs.push(delayMs);
  };
  return { world: { ...systemWorld, clock: { ...systemWorld.clock, delay } }, waitsMs };
}

/** A web server with one greeting, and one file that is answered as the test says. */
async function server(answer: Answer) {
  const asked: string[] = [];
  const web = createServer((request, response) => {
    if (request.url?.endsWith(HELLO) === true) {
      response.end('hello');
      return;
    }
    const { range } = request.headers;
    asked.push(range ?? 'all');
    answer(request, response, Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 2 });
  const { world, waitsMs } = hastyWorld();
  const source = steadySource(httpSource(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`, http), world);
  const { signal } = new AbortController();
  return {
    asked,
    waitsMs,
    source,
    greet: async () => {
      (await source.open(HELLO, signal))?.close();
    },
    async read(): Promise<Buffer> {
      const pieces: Buffer[] = [];
      for await (const piece of (await source.open('file.bin', signal))?.chunks ?? []) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    async [Symbol.asyncDispose]() {
      await http.destroy();
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    },
  };
}

/** The file from `startByte`, cut off after some bytes. */
function sendPart(response: ServerResponse, startByte: number, lengthBytes: number, etag = '"a"'): void {
  const isPart = startByte > 0;
  response.writeHead(isPart ? 206 : 200, {
    etag,
    'content-length': FILE.length - startByte,
    ...(isPart ? { 'content-range': `bytes ${startByte}-${FILE.length - 1}/${FILE.length}` } : {}),
  });
  const part = FILE.subarray(startByte, startByte + lengthBytes);
  if (startByte + lengthBytes >= FILE.length) response.end(part);
  else response.write(part, () => response.destroy());
}

test('a file that breaks off again and again goes on where it broke, and is read once', async () => {
  await using web = await server((_, response, startByte) => sendPart(response, startByte, 1_300_000));
  expect((await web.read()).equals(FILE)).toBe(true);
  expect(web.asked.length).toBeGreaterThanOrEqual(4);
  expect(web.asked[0]).toBe('all');
  expect(web.asked.slice(1).every((range) => /^bytes=\d+-$/.test(range))).toBe(true);
});

test('a server that knows no ranges sends everything again, and what is known is passed over', async () => {
  let count = 0;
  await using web = await server((_, response) => {
    count += 1;
    sendPart(response, 0, count < 3 ? 2_000_000 : FILE.length);
  });
  expect((await web.read()).equals(FILE)).toBe(true);
});

test('a file that became another one while it was read is refused', async () => {
  let count = 0;
  await using web = await server((_, response, startByte) => {
    count += 1;
    sendPart(response, startByte, 2_000_000, `"${count}"`);
  });
  const error = await web.read().catch((reason: unknown) => reason);
  expect(isOperational(error, 'SOURCE_CHANGED')).toBe(true);
});

test('a file that nothing tells from another is not put together from two readings', async () => {
  await using web = await server((_, response) => {
    response.writeHead(200, { 'content-length': FILE.length });
    response.write(FILE.subarray(0, 100), () => response.destroy());
  });
  const error = await web.read().catch((reason: unknown) => reason);
  expect(isOperational(error, 'SOURCE_TRUNCATED')).toBe(true);
  expect(web.asked).toEqual(['all']);
});

test('a server that is busy is asked again, further and further apart, and given up in the end', async () => {
  let busy = 3;
  await using web = await server((_, response, startByte) => {
    busy -= 1;
    if (busy >= 0) response.writeHead(503).end();
    else sendPart(response, startByte, FILE.length);
  });
  await web.greet();
  expect((await web.read()).equals(FILE)).toBe(true);
  expect(web.waitsMs).toHaveLength(3);
  busy = 1000;
  const error = await web.read().catch((reason: unknown) => reason);
  expect(isOperational(error, 'SOURCE_STATUS')).toBe(true);
  const waits = web.waitsMs.slice(3);
  expect(waits).toHaveLength(5);
  expect(waits[4]).toBeGreaterThan(waits[0] ?? 0);
});

test('a refusal, and a source that never answered, are not asked twice', async () => {
  await using web = await server((_, response) => response.writeHead(503).end());
  await web.read().catch(() => undefined);
  expect(web.asked).toHaveLength(1);
  await using forbidden = await server((_, response) => response.writeHead(403).end());
  await forbidden.greet();
  await forbidden.read().catch(() => undefined);
  expect(forbidden.asked).toHaveLength(1);
});

test('a part that is not the part that was asked for is refused', async () => {
  let count = 0;
  await using web = await server((_, response, startByte) => {
    count += 1;
    if (count === 1) return sendPart(response, 0, 2_000_000);
    response.writeHead(206, {
      etag: '"a"',
      'content-range': `bytes ${startByte + 1}-${FILE.length - 1}/${FILE.length}`,
    });
    response.end(FILE.subarray(startByte + 1));
  });
  const error = await web.read().catch((reason: unknown) => reason);
  expect(isOperational(error, 'SOURCE_PROTOCOL')).toBe(true);
});
