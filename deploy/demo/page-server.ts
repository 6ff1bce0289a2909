import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DemoNetwork } from './network.ts';

const PAGE = new URL('./page/', import.meta.url);
const require = createRequire(import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const ACTION = /^\/api\/appliances\/([a-z0-9._-]+)\/(kill|start|drain|undrain)$/;

/** Serves the page, the players from their npm packages, and the buttons, on loopback only. */
export function startPageServer(network: DemoNetwork, port: number): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    answer(network, request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: String(error) }));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server });
    });
  });
}

async function answer(network: DemoNetwork, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://page');
  const action = ACTION.exec(pathname);
  if (action !== null && request.method === 'POST')
    return act(network, action[1] ?? '', action[2] ?? '', request, response);
  if (pathname === '/api/state') return sendJson(response, await network.state());
  const file = fileFor(pathname);
  const body = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  if (file === undefined || body === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'cache-control': 'no-store',
  });
  response.end(body);
}

async function act(
  network: DemoNetwork,
  id: string,
  verb: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The buttons kill processes: another site's page must not be able to press them.
  const origin = request.headers.origin;
  if (origin !== undefined && new URL(origin).host !== request.headers.host) {
    response.writeHead(403).end();
    return;
  }
  if (!network.applianceIds.includes(id)) {
    response.writeHead(404).end();
    return;
  }
  if (verb === 'kill') await network.kill(id);
  else if (verb === 'start') await network.revive(id);
  else await network.setDraining(id, verb === 'drain');
  sendJson(response, await network.state());
}

function fileFor(pathname: string): string | undefined {
  if (pathname === '/') return fileURLToPath(new URL('index.html', PAGE));
  if (pathname === '/players/hls.js') return require.resolve('hls.js/dist/hls.min.js');
  if (pathname === '/players/dash.js') return require.resolve('dashjs');
  if (pathname === '/players/shaka.js') return require.resolve('shaka-player');
  return /^\/[a-z0-9-]+\.(?:js|css|svg|html)$/.test(pathname)
    ? fileURLToPath(new URL(`.${pathname}`, PAGE))
    : undefined;
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
