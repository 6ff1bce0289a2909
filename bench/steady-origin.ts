import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An origin for benches: every path is a file of the same bytes, with strong validators and single ranges, so that
 * misses never run out of new files.
 * @param size of every file, or of each by its path, in bytes
 */
export async function startSteadyOrigin(
  size: number | ((path: string) => number),
): Promise<{ url: string; stop: () => void }> {
  const bodies = new Map<number, Buffer>();
  const server = createServer((request, response) => {
    const sizeBytes = typeof size === 'number' ? size : size(request.url ?? '');
    const body = bodies.get(sizeBytes) ?? Buffer.alloc(sizeBytes, 'steady origin ');
    bodies.set(sizeBytes, body);
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = match === null ? 0 : Number(match[1]);
    const last = match === null || match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
    const headers = {
      'content-type': 'video/mp4',
      'cache-control': 'public, max-age=31536000, immutable',
      etag: '"steady"',
      'content-length': last - first + 1,
    };
    if (match === null) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, 'content-range': `bytes ${first}-${last}/${sizeBytes}` });
    response.end(request.method === 'HEAD' ? undefined : body.subarray(first, last + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
