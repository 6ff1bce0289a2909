import { afterEach, expect, test } from 'vitest';
import { answerFirst, createJsonServer, type JsonServer, listen } from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

let server: JsonServer | undefined;
afterEach(() => server?.close());

async function start(answer: Parameters<typeof answerFirst>[1]): Promise<string> {
  server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 100 });
  server.get('/*', () => ({ from: 'routes' }));
  answerFirst(server, answer);
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${port}`;
}

test('what is answered first never reaches the routes, everything else does', async () => {
  const url = await start((request, response) => {
    if (request.url !== '/hot') return false;
    response.end('first');
    return true;
  });
  expect(await (await fetch(`${url}/hot`)).text()).toBe('first');
  expect(await (await fetch(`${url}/cold`)).json()).toEqual({ from: 'routes' });
});

test('a bug in front of the routes costs the short way, not the answer', async () => {
  const url = await start(() => {
    throw new Error('bug');
  });
  expect(await (await fetch(`${url}/hot`)).json()).toEqual({ from: 'routes' });
});
